"""Handlers of the program itself, which describe items that orbscan does not know.

A handler is any object with a method `metadata(directory)`, plain or `async`, like Orbax's
`CheckpointableHandler`. A program passes one by name, or registers it with Orbax.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from orbscan import errors
from orbscan.model.result import Issue
from orbscan.places import path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orbscan import _core
    from orbscan.aliases import AnyPath, ErrorKind
    from orbscan.model.result import CheckpointMetadata
    from orbscan.reading.orbax_context import Registry


class Handler(Protocol):
    """What can describe a checkpointable."""

    def metadata(self, directory: Any, /) -> Any:
        """Describe the content of a directory; may be a coroutine."""


def pytree(
    read: CheckpointMetadata[Any],
    checkpoint: _core.Checkpoint,
    given: Mapping[str, Handler] | None,
) -> CheckpointMetadata[Any]:
    """Replace a tree by the answer of a handler of the program itself for the pytree.

    Args:
        read: the result of orbscan.
        checkpoint: what it was made from.
        given: handlers by name, which take precedence over those that are registered with Orbax.

    Raises:
        Exception: whatever the handler raises.
    """
    (name, _), *_ = checkpoint.items
    check_given(given)
    handler = _own(read.path, checkpoint, name, given)
    if handler is None:
        return read
    directory = read.path if name is None else read.path / name
    return replace(read, metadata=_described(handler, directory))


def one_of(
    header: CheckpointMetadata[dict[str, None]], name: str, given: Mapping[str, Handler]
) -> CheckpointMetadata[Any]:
    """Call a given handler for one of the checkpointables that a header names.

    Raises:
        Exception: whatever the handler raises; as `check_given` does.
    """
    check_given(given, header.metadata, header.path)
    return replace(header, metadata=_described(given[name], header.path / name))


def checkpointables(
    read: CheckpointMetadata[dict[str, Any]],
    checkpoint: _core.Checkpoint,
    given: Mapping[str, Handler] | None,
) -> CheckpointMetadata[dict[str, Any]]:
    """Replace orbscan's results by those of handlers of the program itself.

    The arguments are those of `pytree`. An error of a handler is an issue, and the value None.
    """
    check_given(given, read.metadata, read.path)
    found = {name: _own(read.path, checkpoint, name, given) for name in read.metadata}
    values = dict(read.metadata)
    issues = read.issues
    for name, handler in found.items():
        if handler is None:
            continue
        directory = read.path / name
        issues = without_undescribed(issues, [directory])
        try:
            values[name] = _described(handler, directory)
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            values[name] = None
            reason = f"its handler {_name_of(handler)} does not describe it: {error!r}"
            issues += (Issue("unsupported", str(directory), None, in_body=False, reason=reason),)
    return replace(read, metadata=values, issues=issues)


def check_given(
    given: Mapping[str, Handler] | None,
    names: Iterable[str] | None = None,
    path: AnyPath | None = None,
) -> None:
    """Check the handlers that a caller passed.

    Args:
        given: handlers by name.
        names: the names of the checkpointables; None if they are not known.
        path: the checkpoint.

    Raises:
        TypeError: it is not a mapping, or a value has no method `metadata`.
        InvalidLayoutError: there is no checkpointable with a given name.
    """
    if given is None:
        return
    if not hasattr(given, "items"):
        message = (
            f"handlers is a dict by the name of the checkpointable, not {type(given).__name__}"
        )
        raise TypeError(message)
    known = None if names is None else {*names}
    for name, handler in given.items():
        if isinstance(handler, type) or not callable(getattr(handler, "metadata", None)):
            shown = handler.__name__ if isinstance(handler, type) else type(handler).__name__
            message = f"the handler of {name!r} is an object with a method metadata, not {shown}"
            raise TypeError(message)
        if known is not None and name not in known:
            kind: ErrorKind = "no_such_checkpointable"
            reason = f"there is no checkpointable {name!r}, for which a handler was given"
            raise errors.error(kind, reason, str(path))


def without_undescribed(
    issues: Iterable[Issue], directories: Iterable[AnyPath]
) -> tuple[Issue, ...]:
    """Remove the issues about some checkpointables: a handler describes them, or says why not.

    Args:
        issues: the issues of a checkpoint.
        directories: the directories of those checkpointables, in any spelling.
    """
    told = {*directories}
    return tuple(
        issue
        for issue in issues
        # An issue spells its file as the user spelled the path, perhaps with `./` at the start.
        if issue.kind != "unsupported" or issue.file is None or path_of(issue.file) not in told
    )


def _own(
    path: AnyPath,
    checkpoint: _core.Checkpoint,
    name: str | None,
    given: Mapping[str, Handler] | None,
) -> Handler | None:
    """The handler of the program itself for a checkpointable, if there is one."""
    if given and name is not None and name in given:
        return given[name]
    from orbscan.reading.orbax_context import Registry, has_plain_handlers, is_of_orbax

    if has_plain_handlers():
        return None
    found = registered(Registry(), path, checkpoint, name)
    if found is None or is_of_orbax(found):
        return None
    try:
        made: Handler = found()
    except Exception as error:
        # Orbax makes it the same way, and gives another message.
        message = f"the handler {_class_name(found)} of {name!r} cannot be made without arguments"
        raise ValueError(message) from error
    return made


def registered(
    registry: Registry, path: AnyPath, checkpoint: _core.Checkpoint, name: str | None
) -> type[Any] | None:
    """Return the handler that Orbax would call for a checkpointable; None if it finds none.

    Args:
        registry: the handlers that it knows.
        path: the checkpoint.
        checkpoint: what was read of it.
        name: the name of the checkpointable; None for the pytree of a flat checkpoint, whose
            handler Orbax looks up by the name of the directory.
    """
    recorded = checkpoint.handlers
    if name is None:
        return registry.resolved(path.name, recorded if isinstance(recorded, str) else None)
    return registry.resolved(name, recorded.get(name) if isinstance(recorded, dict) else None)


def _described(handler: Handler, directory: AnyPath) -> Any:
    """Call a handler, and wait for its result.

    Raises:
        Exception: whatever the handler raises.
    """
    if "orbax.checkpoint" in sys.modules:
        from etils import epath

        directory = epath.Path(directory)
    return _finished(handler.metadata(directory))


def _finished(answer: Any) -> Any:
    """Return the result of an awaitable; anything else as it is."""
    import inspect

    if not inspect.isawaitable(answer):
        return answer
    import asyncio
    import contextvars
    from concurrent.futures import ThreadPoolExecutor

    async def waited() -> Any:
        return await answer

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(waited())
    # A loop is running in this thread, as in a notebook, and cannot be entered again.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, waited()).result()


def _name_of(handler: Handler) -> str:
    """Return the name of a handler's class, as a checkpoint records it."""
    return _class_name(type(handler))


def _class_name(made: type[Any]) -> str:
    return f"{made.__module__}.{made.__qualname__}"
