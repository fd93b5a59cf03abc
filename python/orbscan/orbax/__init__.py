"""Orbax, in which metadata is read by orbscan: `import orbscan.orbax as ocp`.

This module has every public name of `orbax.checkpoint.experimental.v1`. The functions that read
metadata are orbscan's, those that load values take orbscan's metadata, and everything else is
Orbax's own. Orbax is imported when a name of its own is used for the first time: a program that
only reads metadata never pays for it, and does not need it.

What is raised here is caught by the handlers that a program already has: an `InvalidLayoutError`
is one of orbscan and one of `ocp.errors` at once, and so are the errors about deletions.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import TYPE_CHECKING, Any

from orbscan import api
from orbscan import errors as _errors

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    from orbax.checkpoint.experimental.v1 import *  # noqa: F403 - for editors, which then know the names

    # Twice the same name: this is how a name is said to be public here.
    from orbscan.result import CheckpointMetadata as CheckpointMetadata  # noqa: PLC0414
    from orbscan.result import PyTreeMetadata as PyTreeMetadata  # noqa: PLC0414

    P = ParamSpec("P")
    T = TypeVar("T")


def _caught_as_orbax(function: Callable[P, T]) -> Callable[P, T]:
    """Raise what the handlers of a program that was written for Orbax catch."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except _errors.OrbscanError as error:
            try:
                from orbscan import orbax_errors
            except ImportError:
                # Without Orbax nobody can be waiting for its classes.
                raise error from None
            raise orbax_errors.both(error) from error.__cause__

    return wrapped


@_caught_as_orbax
def metadata(
    path: str | os.PathLike[str], checkpointable_name: str | None = api.AUTO
) -> CheckpointMetadata[PyTreeMetadata]:
    """Read the metadata of the pytree in a checkpoint: `orbscan.metadata`.

    For `AUTO` it is the pytree that the installed release of Orbax chooses, since a program has
    other parts that are Orbax's own.
    """
    from orbscan import orbax_release

    text = api.local_path(path)
    api.check_name_as_orbax(checkpointable_name)
    first = orbax_release.first_name()
    checkpoint = api.read_pytree(text, checkpointable_name, rich_types=False, first=first)
    from orbscan import answer

    return answer.pytree(text, checkpoint)


def pytree_metadata(
    path: str | os.PathLike[str], checkpointable_name: str | None = api.AUTO
) -> CheckpointMetadata[PyTreeMetadata]:
    """The name that `metadata` had in Orbax until 0.12."""
    return metadata(path, checkpointable_name)


@_caught_as_orbax
def checkpointables_metadata(
    path: str | os.PathLike[str],
) -> CheckpointMetadata[dict[str, PyTreeMetadata]]:
    """Read the metadata of every checkpointable: `orbscan.checkpointables_metadata`."""
    return api.checkpointables_metadata(path)


@_caught_as_orbax
def is_orbax_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is laid out like a checkpoint: `orbscan.is_orbax_checkpoint`."""
    return api.is_orbax_checkpoint(path)


@_caught_as_orbax
def load(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """Load a pytree: `orbscan.load`, and for `AUTO` the one that Orbax chooses."""
    from orbscan import loading, orbax_release

    first = orbax_release.first_name()
    return loading.load_chosen(path, abstract_state, checkpointable_name, first=first)


@_caught_as_orbax
def load_async(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """Begin to load a pytree, of a safetensors file so far: `ocp.load_async`."""
    from orbscan import loading, orbax_release

    first = orbax_release.first_name()
    return loading.load_chosen_async(path, abstract_state, checkpointable_name, first=first)


def load_pytree(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """The name that `load` had in Orbax until 0.12."""
    return load(path, abstract_state, checkpointable_name=checkpointable_name)


def load_pytree_async(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """The name that `load_async` had in Orbax until 0.12."""
    return load_async(path, abstract_state, checkpointable_name=checkpointable_name)


@_caught_as_orbax
def load_checkpointables(
    path: str | os.PathLike[str], abstract_checkpointables: Any = None
) -> dict[str, Any]:
    """Load checkpointables by name: `orbscan.load_checkpointables`."""
    from orbscan import loading

    return loading.load_checkpointables(path, abstract_checkpointables)


@_caught_as_orbax
def load_checkpointables_async(
    path: str | os.PathLike[str], abstract_checkpointables: Any = None
) -> Any:
    """Begin to load checkpointables, which Orbax 0.12 has announced but cannot do."""
    from orbscan import loading

    return loading.load_checkpointables_async(path, abstract_checkpointables)


def __getattr__(name: str) -> Any:
    """Find a name in orbscan, as it has the classes of what is returned here, or in Orbax."""
    if name.startswith("__"):
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    if name in {"CheckpointMetadata", "PyTreeMetadata"}:
        from orbscan import result

        value: Any = getattr(result, name)
    else:
        from orbscan.orbax_types import orbax_v1

        value = getattr(orbax_v1(), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from orbscan.orbax_types import orbax_v1

    own = {name for name, value in globals().items() if isinstance(value, FunctionType)}
    return sorted(name for name in {*own, *dir(orbax_v1())} if not name.startswith("_"))
