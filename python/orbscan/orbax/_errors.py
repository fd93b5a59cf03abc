"""Errors that are orbscan's and Orbax's at once. Importing this module imports Orbax."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan import errors
from orbscan.orbax_types import orbax_v1

if TYPE_CHECKING:
    from typing import Any

_theirs: Any = orbax_v1().errors


class InvalidLayoutError(errors.InvalidLayoutError, _theirs.InvalidLayoutError):  # type: ignore[misc]
    """The path is no finished checkpoint, or has no pytree of the name asked for."""


class CheckpointNotFoundError(errors.CheckpointNotFoundError, _theirs.InvalidLayoutError):  # type: ignore[misc]
    """The path does not exist."""


class DeletionInProgressError(errors.DeletionInProgressError, _theirs.DeletionInProgressError):  # type: ignore[misc]
    """The checkpointable asked for is being deleted."""


class DeletionRecoveryError(errors.DeletionRecoveryError, _theirs.DeletionRecoveryError):  # type: ignore[misc]
    """The record of an interrupted deletion cannot be trusted."""


_BOTH: dict[type[errors.OrbscanError], type[errors.OrbscanError]] = {
    base: both
    for both in (
        InvalidLayoutError,
        CheckpointNotFoundError,
        DeletionInProgressError,
        DeletionRecoveryError,
    )
    for base in [both.__bases__[0]]
}


def both(error: errors.OrbscanError) -> errors.OrbscanError:
    """Make the error that is also Orbax's; the same error where Orbax has no class of its own."""
    made = _BOTH.get(type(error))
    if made is None:
        return error
    errno = error.errno if isinstance(error, OSError) else None
    where = (error.file, error.offset, error.in_body)
    changed = made(error.kind, error.reason, *where, errno, error.advice)
    return changed.with_traceback(error.__traceback__)
