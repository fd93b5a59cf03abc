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
        read: _core.Checkpoint | None = None
        which: int | None = None
        issues: list[_core.Issue] | None = None
        is_all: bool = True

else:
    # `typing`, whose named tuples have types, takes longer to import than a command does.
    _Contents = namedtuple(  # noqa: PYI024
        "_Contents",
        "path handlers known chosen read which issues is_all",
        defaults=(..., None, None, None, True),
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
        chosen: the one that was read, if there are others that are not in `known`; ... if there are
            none.
        read: the columns of what was read; None if there are none in this process.
        which: the number of the pytree of the result among them; None if the result has all.
        issues: the faults that were tolerated.
        is_all: whether `known`, and the others beside `chosen`, are all items; a scan leaves out
            items that Orbax never reads.
    """

    __slots__ = ()

    def items(self) -> tuple[Item, ...]:
        """Find the items, by name.

        Raises:
            OrbscanError: as `orbscan.metadata` does.
        """
        return tuple(described(self.path, self.handlers, self._all()))

    def _all(self) -> list[tuple[str | None, bool | None]]:
        """The names of all items, and whether they are pytrees."""
        if self.chosen is ...:
            return [*self.known]
        from orbscan import _core

        return [*self.known, *_core.others(self.path, self.chosen)]

    def document(self) -> dict[str, object]:
        """Compose the content of `orbscan show -o json` for the pytree, or for each of them.

        Raises:
            ValueError: the columns are not in this process.
            OrbscanError: as `items` does.
        """
        read = self.read
        if read is None:
            message = (
                f"{self.path}: only a result of a read in this process has a document:"
                " read the checkpoint here"
            )
            raise ValueError(message)
        import json

        from orbscan import _core
        from orbscan.reading.pytree_document import SCHEMA_VERSION, render

        def of(which: int) -> dict[str, object]:
            name, _ = read.items[which]
            if self.is_all:
                others = [other for other in self._all() if other[0] != name]
            else:
                others = _core.others(self.path, name)
            items = described(self.path, self.handlers, [(name, True), *others])
            pieces = render(self.path, read, items, others, which=which, issues=self.issues)
            made: dict[str, object] = json.loads("".join(pieces))
            return made

        if self.which is not None:
            return of(self.which)
        pytrees = [number for number, (_, table) in enumerate(read.items) if table is not None]
        return {
            "schema_version": SCHEMA_VERSION,
            "path": str(self.path),
            "checkpointables": [*map(of, pytrees)],
        }

    def __reduce__(self) -> tuple[object, ...]:
        """Leave the columns in the process that read them."""
        return Contents, (str(self.path), self.handlers, self.known, self.chosen)


def contents(
    path: str,
    read: _core.Checkpoint,
    which: int | None = None,
    issues: list[_core.Issue] | None = None,
    *,
    is_all: bool = True,
) -> Contents:
    """Return what finds the items of a read; the arguments are the attributes of `Contents`."""
    unreadable = {name for name, _ in read.unreadable}
    known = tuple((name, table is not None or name in unreadable) for name, table in read.items)
    chosen = known[0][0] if read.unread else ...
    return Contents(path, read.handlers, known, chosen, read, which, issues, is_all)


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
