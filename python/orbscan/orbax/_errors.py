"""Errors that are orbscan's and Orbax's at once. Importing this module imports Orbax."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from orbscan import errors
from orbscan.reading.api import AUTO
from orbscan.restoring.orbax_types import orbax_v1

if TYPE_CHECKING:
    from typing import Any

_theirs: Any = orbax_v1().errors
# Orbax before 0.12.3 knows no interrupted deletions.
_TheirInProgress: Any = getattr(_theirs, "DeletionInProgressError", RuntimeError)
_TheirRecovery: Any = getattr(_theirs, "DeletionRecoveryError", RuntimeError)


class _Worded(errors.OrbscanError):
    """An error that begins with the sentence of Orbax that programs match."""

    sentence = ""

    def __str__(self) -> str:
        own = super().__str__()
        return f"{self.sentence} {own}" if self.sentence else own

    def __reduce__(self) -> tuple[object, ...]:
        made, fields, *_ = super().__reduce__()
        return made, fields, {"sentence": self.sentence}


class InvalidLayoutError(_Worded, errors.InvalidLayoutError, _theirs.InvalidLayoutError):  # type: ignore[misc]
    """The path is not a finished checkpoint, or has no pytree with the given name."""


class CheckpointNotFoundError(_Worded, errors.CheckpointNotFoundError, _theirs.InvalidLayoutError):  # type: ignore[misc]
    """The path does not exist."""


class DeletionInProgressError(errors.DeletionInProgressError, _TheirInProgress):  # type: ignore[misc]
    """The checkpointable is being deleted."""


class DeletionRecoveryError(errors.DeletionRecoveryError, _TheirRecovery):  # type: ignore[misc]
    """The record of an interrupted deletion cannot be trusted."""


_BOTH: dict[type[errors.OrbscanError], type[errors.OrbscanError]] = {
    errors.InvalidLayoutError: InvalidLayoutError,
    errors.CheckpointNotFoundError: CheckpointNotFoundError,
    errors.DeletionInProgressError: DeletionInProgressError,
    errors.DeletionRecoveryError: DeletionRecoveryError,
}


def both(error: errors.OrbscanError, path: Any, name: Any) -> errors.OrbscanError:
    """Make the error that is also Orbax's; the same error if Orbax has no class of its own.

    Args:
        error: what orbscan raised.
        path: the path that was read.
        name: the name of the pytree; ... for all checkpointables.
    """
    made = _BOTH.get(type(error))
    if made is None:
        return error
    errno = error.errno if isinstance(error, OSError) else None
    where = (error.file, error.offset, error.in_body)
    changed = made(error.kind, error.reason, *where, errno, error.advice)
    if isinstance(changed, _Worded):
        changed.sentence = _sentence(path, name)
    return changed.with_traceback(error.__traceback__)


def _sentence(path: Any, name: Any) -> str:
    """The message of Orbax for a path that it refuses; empty if it refuses nothing.

    Source: `layout/registry.py`, `get_checkpoint_layout` and `_resolve_auto_pytree_name`;
    `layout/orbax_layout.py` and `orbax_v0_layout.py`, `validate` and `checkpointables_metadata`.
    """
    version = 1 if Path(path, "orbax.checkpoint").exists() else 0
    try:
        # This looks only at names, and does not open files that may be damaged.
        is_recognised = orbax_v1().is_orbax_checkpoint(path)
    except Exception:  # noqa: BLE001 - the error that is being raised says enough
        return ""
    # With the marker, Orbax does not try the layout of its earlier releases.
    is_whole = version == 0 or Path(path, "_CHECKPOINT_METADATA").exists()
    if not (is_recognised and is_whole):
        return f"Could not recognize the checkpoint at {path} as a valid Orbax checkpoint."
    if name is ...:
        return (
            f"Checkpoint at {path} is a flat (direct) checkpoint with no named checkpointables."
            if Path(path, "_METADATA").exists()
            else ""
        )
    if name == AUTO:
        return (
            f"Failed to load checkpoint using AUTO resolution mode on path='{path}'. "
            "No valid PyTree checkpointable found."
        )
    return f"Failed to interpret path {path} as a V{version} Orbax PyTree."
