"""The functions of Orbax's interface that orbscan implements itself.

Each follows the active context. What orbscan cannot do in that context is left to Orbax.
"""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan._imports import importing
from orbscan.model.result import CheckpointMetadata, Issue, PyTreeMetadata
from orbscan.orbax import _release
from orbscan.places import SCHEMES, absolute, join, path_of, url_scheme
from orbscan.reading import api, orbax_context
from orbscan.reading.paths import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import ParamSpec, TypeVar

    from orbscan import _core

    P = ParamSpec("P")
    T = TypeVar("T")


def _caught_as_orbax(function: Callable[P, T]) -> Callable[P, T]:
    """Raise errors that the handlers of a program written for Orbax catch and match."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except errors.OrbscanError as error:
            try:
                from orbscan.orbax import _errors
            except ImportError:
                # Without Orbax, no program can use its classes.
                raise error from None
            asked = signature.bind(*args, **kwargs)
            asked.apply_defaults()
            name = asked.arguments.get("checkpointable_name", ...)
            raise _errors.both(error, asked.arguments["path"], name) from error.__cause__

    return wrapped


@_caught_as_orbax
def metadata(
    path: str | os.PathLike[str], checkpointable_name: str | None = api.AUTO
) -> CheckpointMetadata[PyTreeMetadata]:
    """Read the metadata of the pytree in a checkpoint: `orbscan.metadata`.

    For `AUTO` it is the pytree that the installed release of Orbax chooses, because other parts of
    the program are Orbax's own. The active context is followed; if it has a handler of the program
    itself for the pytree, or a class of paths, Orbax answers.
    """
    text = _place(path)
    wishes = orbax_context.wishes()
    if text is None or wishes.is_foreign:
        return _asked(_theirs().metadata, path, checkpointable_name)
    api.check_name_as_orbax(checkpointable_name)
    try:
        found = _read(text, checkpointable_name, wishes)
    except errors.InvalidLayoutError:
        if wishes.layout in {None, orbax_context.ORBAX}:
            raise
        return _asked(_theirs().metadata, path, checkpointable_name)
    (name, _), *_ = found.items
    if not _is_wanted(found, wishes) or not _answers(text, found, {name: True}):
        return _asked(_theirs().metadata, path, checkpointable_name, issues=found.issues)
    with importing:
        from orbscan.reading import answer

    return _viewed(answer.pytree(text, found, _dressed()))


@_caught_as_orbax
def checkpointables_metadata(
    path: str | os.PathLike[str],
) -> CheckpointMetadata[dict[str, Any]]:
    """Read the metadata of every checkpointable: `orbscan.checkpointables_metadata`.

    The active context is followed, as by `metadata`.
    """
    text = _place(path)
    wishes = orbax_context.wishes()
    if text is None or wishes.is_foreign or wishes.layout == orbax_context.SAFETENSORS:
        return _asked(_theirs().checkpointables_metadata, path)
    with importing:
        from orbscan import _core
        from orbscan.reading import answer

    try:
        found = _core.read_checkpointables(text, wishes.rich_types, atomicity=wishes.atomicity)
    except errors.InvalidLayoutError:
        if wishes.layout in {None, orbax_context.ORBAX}:
            raise
        return _asked(_theirs().checkpointables_metadata, path)
    if not _answers(text, found, {name: table is not None for name, table in found.items}):
        from orbscan.orbax import _views
        from orbscan.reading.handlers import without_undescribed

        read = _asked(_theirs().checkpointables_metadata, path, issues=found.issues)
        named = [name for name, value in read.metadata.items() if value is not None]
        described = [path_of(join(text, name)) for name in named]
        return _views.of_orbax(read, without_undescribed(read.issues, described))
    return _viewed(answer.checkpointables(text, found, _dressed()))


@_caught_as_orbax
def is_orbax_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is laid out like a checkpoint: `orbscan.is_orbax_checkpoint`."""
    text = _place(path)
    wishes = orbax_context.wishes()
    if text is None or wishes.is_foreign:
        return bool(_theirs().is_orbax_checkpoint(path))
    return api.is_orbax_checkpoint(path, atomicity=wishes.atomicity)


@_caught_as_orbax
def load(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """Load a pytree: `orbscan.load`, and for `AUTO` the one that Orbax chooses.

    What orbscan cannot read is left to Orbax to load or to refuse.
    """
    return _load("load", path, abstract_state, checkpointable_name)


@_caught_as_orbax
def load_async(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = "state",
) -> Any:
    """Begin to load a pytree, so far of a safetensors file: `ocp.load_async`."""
    return _load("load_async", path, abstract_state, checkpointable_name)


@_caught_as_orbax
def load_checkpointables(
    path: str | os.PathLike[str], abstract_checkpointables: Any = None
) -> dict[str, Any]:
    """Load checkpointables by name: `orbscan.load_checkpointables`."""
    with importing:
        from orbscan.restoring import loading

    if _place(path, loading.LOADED_FROM) is None or orbax_context.wishes().is_foreign:
        wanted = loading.checkpointables_for_orbax(abstract_checkpointables)
        loaded: dict[str, Any] = _theirs().load_checkpointables(path, wanted)
        return loaded
    return loading.load_checkpointables(path, abstract_checkpointables)


@_caught_as_orbax
def load_checkpointables_async(
    path: str | os.PathLike[str], abstract_checkpointables: Any = None
) -> Any:
    """Begin to load checkpointables, which Orbax 0.12 has announced but cannot do."""
    with importing:
        from orbscan.restoring import loading

    return loading.load_checkpointables_async(path, abstract_checkpointables)


def _renamed(new: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Warn, as Orbax does, that a function has a new name."""
    message = f"Use `{new}` instead."

    def renamed(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def warning(*args: P.args, **kwargs: P.kwargs) -> T:
            warnings.warn(message, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        # The attribute that PEP 702 defines for type checkers and tools.
        warning.__deprecated__ = message  # type: ignore[attr-defined]
        return warning

    return renamed


@_renamed("metadata")
def pytree_metadata(
    path: str | os.PathLike[str], checkpointable_name: str | None = api.AUTO
) -> CheckpointMetadata[PyTreeMetadata]:
    """The name of `metadata` in Orbax before 0.12."""
    return metadata(path, checkpointable_name)


@_renamed("load")
def load_pytree(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = api.AUTO,
) -> Any:
    """The name of `load` in Orbax before 0.12."""
    return load(path, abstract_state, checkpointable_name=checkpointable_name)


@_renamed("load_async")
def load_pytree_async(
    path: str | os.PathLike[str],
    abstract_state: Any = None,
    *,
    checkpointable_name: str | None = "state",
) -> Any:
    """The name of `load_async` in Orbax before 0.12."""
    return load_async(path, abstract_state, checkpointable_name=checkpointable_name)


def _place(path: str | os.PathLike[str], schemes: Collection[str | None] = SCHEMES) -> str | None:
    """The place of a path or URL; None if Orbax is installed and must answer.

    Args:
        path: what the program passed.
        schemes: the schemes of URLs that orbscan answers.

    Raises:
        TypeError: it is bytes, which Orbax does not accept as a path.
    """
    text = os.fspath(path)
    if not isinstance(text, str):
        message = f"a path is a str or an os.PathLike of one, not {type(text).__name__}"
        raise TypeError(message)
    is_ours = url_scheme(text) in {None, "file", *schemes}
    return place_of(path) if is_ours or not _is_installed() else None


def _read(text: str, name: str | None, wishes: orbax_context.Wishes) -> _core.Checkpoint:
    """Read the pytree that Orbax would; raises as `api.read_pytree_of` does."""
    return api.read_pytree_of(
        text,
        name,
        rich_types=wishes.rich_types,
        atomicity=wishes.atomicity,
        first=_release.first_name(),
    )


def _is_wanted(found: _core.Checkpoint, wishes: orbax_context.Wishes) -> bool:
    """Return whether what was read has the layout that the active context demands."""
    is_safetensors = found.layout == "safetensors"
    if wishes.layout == orbax_context.ORBAX:
        return not is_safetensors
    return is_safetensors or wishes.layout != orbax_context.SAFETENSORS


def _answers(text: str, found: _core.Checkpoint, names: dict[str | None, bool]) -> bool:
    """Return whether Orbax would call only its own handlers for checkpointables.

    Args:
        text: the checkpoint.
        found: what was read of it.
        names: the names of the checkpointables, and whether each is a pytree.
    """
    if orbax_context.has_plain_handlers() or found.layout == "safetensors":
        return True
    from orbscan.reading.handlers import registered

    registry = orbax_context.Registry()
    for name, is_pytree in names.items():
        handler = registered(registry, path_of(text), found, name)
        # If it is not a pytree, none of Orbax's own handlers has metadata for it.
        own = registry.is_of_pytrees if is_pytree else orbax_context.is_of_orbax
        if handler is None or not own(handler):
            return False
    return True


def _load(function: str, path: Any, abstract: Any, name: str | None) -> Any:
    """Let Orbax load, once it is known that everything it needs is there."""
    with importing:
        from orbscan.restoring import loading

    theirs: Any = getattr(_theirs(), function)
    text = _place(path, loading.LOADED_FROM)
    wishes = orbax_context.wishes()
    wanted = loading.for_orbax(_readable(abstract))
    api.check_name_as_orbax(name)
    if text is None or wishes.is_foreign:
        return theirs(path, wanted, checkpointable_name=name)
    text = absolute(text)
    try:
        found = _read(text, name, wishes)
    except errors.InvalidLayoutError:
        if wishes.layout in {None, orbax_context.ORBAX}:
            raise
        return theirs(text, wanted, checkpointable_name=name)
    except errors.FormatError as error:
        if error.kind == "limit":
            # Another reader would not do better.
            raise
        return theirs(text, wanted, checkpointable_name=name)
    if not _is_wanted(found, wishes):
        return theirs(text, wanted, checkpointable_name=name)
    (resolved, _), *_ = found.items
    return loading.handed_over(function, text, resolved, found, wanted)


def _readable(abstract: Any) -> Any:
    """None for the metadata of a pytree with an unreadable leaf, as in Orbax."""
    if not isinstance(abstract, CheckpointMetadata):
        return abstract
    import jax

    from orbscan.model.leaves import UnreadableLeaf

    leaves = jax.tree.leaves(abstract.metadata)
    return None if any(isinstance(leaf, UnreadableLeaf) for leaf in leaves) else abstract


def _viewed(read: CheckpointMetadata[Any]) -> CheckpointMetadata[Any]:
    """Make the result usable as Orbax's own; without Orbax it is orbscan's."""
    if not _is_installed():
        return read
    from orbscan.orbax import _views

    return _views.viewed(read)


def _dressed() -> Callable[[list[Any]], list[Any]] | None:
    if not _is_installed():
        return None
    from orbscan.orbax import _views

    return _views.dressed


@functools.cache
def _is_installed() -> bool:
    """Whether Orbax can be imported, without importing it."""
    from importlib.util import find_spec

    spec = find_spec("orbax")
    places = spec.submodule_search_locations if spec is not None else None
    return any(Path(place, "checkpoint").is_dir() for place in places or ())


def _asked(
    function: Any, *asked: Any, issues: Iterable[_core.Issue] = ()
) -> CheckpointMetadata[Any]:
    """The answer of a function of Orbax, with what orbscan adds about the checkpoint."""
    from orbscan.orbax import _views

    return _views.of_orbax(function(*asked), tuple([Issue(*issue) for issue in issues]))


def _theirs() -> Any:
    from orbscan.restoring.orbax_types import orbax_v1

    return orbax_v1()
