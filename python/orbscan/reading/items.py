"""The items of a checkpoint: the kind of each, and the documents of JSON items.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from collections import namedtuple

from orbscan.model.files import is_file
from orbscan.model.item import JSON, OTHER, PYTREE, UNKNOWN, Item
from orbscan.places import join
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, NamedTuple

    from orbscan import _core

    class _Contents(NamedTuple):
        path: str
        handlers: str | dict[str, str | None] | None
        known: tuple[tuple[str | None, bool | None], ...]
        chosen: Any = ...

else:
    # `typing`, whose named tuples have types, takes longer to import than a command does.
    _Contents = namedtuple(  # noqa: PYI024
        "_Contents", "path handlers known chosen", defaults=(...,)
    )

# As `rust/orbscan-core/src/orbax/names.rs` has them.
_DOCUMENTS = ("metadata", "data.json", "metrics")
_WRITERS_OF_JSON = ("Json", "Metrics")


class Contents(_Contents):
    """Finds the items of a checkpoint when they are requested.

    Attributes:
        path: the path of the checkpoint.
        handlers: as `_core.Checkpoint` has them.
        known: names, and whether they are pytrees.
        chosen: the one that was read, if there are others beside it, which are not in `known`; ...
            if there are none.
    """

    __slots__ = ()

    def items(self) -> tuple[Item, ...]:
        """Find the items, by name.

        Raises:
            OrbscanError: as `orbscan.metadata` does.
        """
        found = [*self.known]
        if self.chosen is not ...:
            from orbscan import _core

            found += _core.others(self.path, self.chosen)
        return tuple(described(self.path, self.handlers, found))


def contents(path: str, read: _core.Checkpoint) -> Contents:
    """Return what finds the items of a read."""
    unreadable = {name for name, _ in read.unreadable}
    known = tuple((name, table is not None or name in unreadable) for name, table in read.items)
    chosen = known[0][0] if read.unread else ...
    return Contents(path, read.handlers, known, chosen)


def described(
    path: str,
    handlers: str | dict[str, str | None] | None,
    found: Iterable[tuple[str | None, bool | None]],
) -> list[Item]:
    """Describe checkpointables, of which it is known whether they are pytrees, sorted by name."""
    made = [_item(path, handlers, *one) for one in found]
    return sorted(made, key=lambda item: natural(item.name or ""))


def _item(
    path: str,
    handlers: str | dict[str, str | None] | None,
    name: str | None,
    is_tree: bool | None,  # noqa: FBT001
) -> Item:
    if name is None:
        return Item(None, PYTREE, handlers if isinstance(handlers, str) else None, None)
    handler = handlers.get(name) if isinstance(handlers, dict) else None
    if is_tree is not False:
        return Item(name, PYTREE if is_tree else UNKNOWN, handler, None)
    writes_json = handler is not None and handler.rpartition(".")[2].startswith(_WRITERS_OF_JSON)
    if handler is not None and not writes_json:
        return Item(name, OTHER, handler, None)
    files = (join(path, name, document) for document in _DOCUMENTS)
    file = next((file for file in files if is_file(file)), None)
    return Item(name, JSON if writes_json or file else OTHER, handler, file)
