"""What the program has set in Orbax: the active context, and the registered handlers.

Nothing here imports Orbax: a program that has not loaded it has not set anything.
"""

from __future__ import annotations

import sys

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from orbscan.aliases import Atomicity

ORBAX = "orbax"
SAFETENSORS = "safetensors"
"""The names of layouts that a context can demand."""

_V1 = "orbax.checkpoint.experimental.v1"
_HANDLERS = f"{_V1}.handlers"
_CONTEXT = f"{_V1}._src.context.context"

# The checkpointables to which Orbax itself binds a handler by name, and the handlers.
_BOUND = {"metrics": "MetricsHandler", "state": "PyTreeHandler", "pytree": "PyTreeHandler"}
_OF_ORBAX = ("orbax.checkpoint.", "._src.handlers.")

# By `mode` and `allow_legacy_atomic_rename` of the options. AUTO is a rename on a local disk.
_ATOMICITIES: dict[tuple[str, bool], Atomicity] = {
    ("auto", False): "auto",
    ("auto", True): "auto",
    ("atomic_rename", False): "atomic_rename",
    ("atomic_rename", True): "atomic_rename",
    ("commit_file", False): "commit_file",
    ("commit_file", True): "commit_file_or_atomic_rename",
}


_known_as_plain: list[list[Any]] = []
"""The entries of the last registry in which there was nothing but what Orbax registers itself."""


class Wishes:
    """What the active context requests of a read of metadata.

    Attributes:
        layout: the layout that it demands, or None if no context is active.
        rich_types: whether tuples and namedtuples are shown as such.
        atomicity: when a checkpoint counts as finished.
        is_foreign: whether it requests something that orbscan cannot do.
    """

    __slots__ = ("atomicity", "is_foreign", "layout", "rich_types")

    def __init__(self, context: Any = None) -> None:
        self.layout: str | None = None
        self.rich_types = False
        self.atomicity: Atomicity = "auto"
        self.is_foreign = False
        if context is not None:
            self._follow(context)

    def _follow(self, context: Any) -> None:
        # Options that a release does not have yet cannot have been changed.
        self.layout = getattr(context.checkpoint_layout, "value", None)
        pytree = context.pytree_options
        options = getattr(pytree, "saving", pytree).pytree_metadata_options
        self.rich_types = bool(options.support_rich_types)
        atomicity = getattr(context, "atomicity", None)
        if atomicity is not None:
            mode = (str(atomicity.mode.value), bool(atomicity.allow_legacy_atomic_rename))
            self.atomicity = _ATOMICITIES.get(mode, "auto")
            self.is_foreign |= mode not in _ATOMICITIES
        path_class = getattr(context.file_options, "path_class", None)
        self.is_foreign |= not _is_usual(path_class)


def _is_usual(path_class: Any) -> bool:
    """Return whether the text of a path of this class is its location."""
    module = getattr(path_class, "__module__", "")
    # For another class, even one of pathlib's, Orbax makes the paths that it returns.
    return path_class is None or module.startswith("etils.")


def wishes() -> Wishes:
    """Read the active context; without one, nothing is requested."""
    return Wishes(_active())


def _active() -> Any:
    """Return the context that is active in this thread, or None."""
    module = sys.modules.get(_CONTEXT)
    if module is None:
        return None
    known = getattr(module, "_CONTEXT", None)
    # A release that keeps its contexts elsewhere still returns one, with the defaults.
    return module.get_context() if known is None else known.get(None)


def _registry() -> Any:
    """Return the registry of the active context or of the process; None if Orbax is not loaded."""
    module = sys.modules.get(_HANDLERS)
    if module is None:
        return None
    context = _active()
    return module.global_registry() if context is None else context.checkpointables_options.registry


def has_plain_handlers() -> bool:
    """Return whether no handlers are registered but those that Orbax registers itself."""
    registry = _registry()
    if registry is None:
        return True
    entries = registry.get_all_entries()
    # Each read asks. Equal lists of the same objects are compared in no time.
    if entries in _known_as_plain:
        return True
    is_plain = _are_plain(entries)
    if is_plain:
        _known_as_plain[:] = [[*entries]]
    return is_plain


def _are_plain(entries: Any) -> bool:
    known = all(
        is_of_orbax(handler) and (name is None or _BOUND.get(name) == handler.__name__)
        for handler, name in entries
    )
    named = {name for _, name in entries}
    has_fallback = not named.isdisjoint({"state", "pytree"})
    return known and has_fallback and (sys.modules[_HANDLERS].PyTreeHandler, None) in entries


class Registry:
    """The handlers that are registered, in the active context or for the whole process.

    Only for a program in which `has_plain_handlers` is false, so that Orbax is loaded.
    """

    def __init__(self) -> None:
        self._registry: Any = _registry()
        self._entries: Any = self._registry.get_all_entries()

    def resolved(self, name: str, recorded: str | None) -> type[Any] | None:
        """Find the handler for a checkpointable, as Orbax does without an abstract state.

        Source: `handlers/registration.py`, `resolve_handler_for_load`, and
        `handlers/resolution.py`, `_resolve_single_handler_for_load`.

        Args:
            name: the name of the checkpointable; for a flat checkpoint, of its directory.
            recorded: the handler that wrote it.

        Returns:
            the class of the handler; None if there is none.
        """
        registry: Any = self._registry
        if registry.has(name):
            return _found(registry.get(name))
        if recorded:
            for handler, _ in reversed(self._entries):
                own = f"{handler.__module__}.{handler.__qualname__}"
                if recorded == own or recorded in _secondary(registry, handler):
                    return _found(handler)
        fallback = next((name for name in ("state", "pytree") if registry.has(name)), None)
        return None if fallback is None else _found(registry.get(fallback))

    def is_of_pytrees(self, handler: type[Any]) -> bool:
        """Return whether a handler is Orbax's own for pytrees."""
        return handler is sys.modules[_HANDLERS].PyTreeHandler


def _secondary(registry: Any, handler: type[Any]) -> Any:
    """Other names under which a class of handlers is recorded; the registry may not know any."""
    ask = getattr(registry, "get_secondary_typestrs", None)
    return () if ask is None else ask(handler)


def is_of_orbax(handler: type[Any]) -> bool:
    """Return whether a class of handlers is one of Orbax's own."""
    package, room = _OF_ORBAX
    return handler.__module__.startswith(package) and room in handler.__module__


def _found(handler: Any) -> type[Any]:
    found: type[Any] = handler
    return found
