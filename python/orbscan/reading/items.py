"""The items of a checkpoint: the kind of each, and the documents of JSON items.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.model.files import is_file
from orbscan.model.item import JSON, OTHER, PYTREE, UNKNOWN, Item
from orbscan.places import join
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan import _core
    from orbscan.model.saved_tree import SavedTree

    Handlers = str | dict[str, str | None] | None
    Names = list[tuple[str | None, bool | None]]

# As `rust/orbscan-core/src/orbax/names.rs` has them.
_DOCUMENTS = ("metadata", "data.json", "metrics")
_WRITERS_OF_JSON = ("Json", "Metrics")


class Found:
    """Finds the items of a checkpoint when they are requested."""

    __slots__ = ("chosen", "handlers", "known", "path", "saved")

    def __init__(
        self,
        path: str,
        handlers: Handlers,
        known: Names | None = None,
        chosen: str | ellipsis | None = None,  # noqa: F821 - it has this name in the stubs alone
        saved: tuple[SavedTree, ...] = (),
    ) -> None:
        """Note where they are.

        Args:
            path: the path of the checkpoint.
            handlers: as `_core.Checkpoint` has them.
            known: names, and whether they are pytrees.
            chosen: the one that was read, if there are others that are not in `known`; ... if there
                are none.
            saved: what only V0 of Orbax says of each pytree.
        """
        self.path = path
        self.handlers = handlers
        self.known = known or []
        self.chosen = chosen
        self.saved = saved

    def items(self) -> tuple[Item, ...]:
        """Find the items, by name.

        Raises:
            OrbscanError: as `orbscan.metadata` does.
        """
        return tuple(described(self.path, self.handlers, self.names()))

    def names(self) -> Names:
        """The names of all items, and whether they are pytrees; raises as `items` does."""
        if self.chosen is ...:
            return [*self.known]
        from orbscan import _core

        return [*self.known, *_core.others(self.path, self.chosen)]

    def saved_trees(self) -> tuple[SavedTree, ...]:
        """Give what only V0 of Orbax says of each pytree."""
        return self.saved

    def document(self) -> dict[str, object]:
        """Raise ValueError: the columns are in the process that read them."""
        message = (
            f"{self.path}: only a result of a read in this process has a document:"
            " read the checkpoint here"
        )
        raise ValueError(message)

    def __reduce__(self) -> tuple[object, ...]:
        return Found, (str(self.path), self.handlers, self.known, self.chosen, self.saved)


class Contents:
    """What else there is to say of what was read in this process, when it is requested.

    Most results are never asked for it, so that nothing of it is made before.
    """

    __slots__ = ("is_all", "issues", "path", "read", "which")

    def __init__(
        self,
        path: str,
        read: _core.Checkpoint,
        which: int | None = None,
        issues: list[_core.Issue] | None = None,
        is_all: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        """Keep the columns.

        Args:
            path: the path of the checkpoint.
            read: the columns of what was read.
            which: the number of the pytree of the result among them; None if the result has all.
            issues: the faults that were tolerated.
            is_all: whether the items that were read, and those beside them, are all items; a scan
                leaves out items that Orbax never reads.
        """
        self.path = path
        self.read = read
        self.which = which
        self.issues = issues
        self.is_all = is_all

    @property
    def handlers(self) -> Handlers:
        """The handlers that wrote the items, as `_core.Checkpoint` has them."""
        return self.read.handlers

    def found(self) -> Found:
        """Return the same without the columns."""
        read = self.read
        unreadable = {name for name, _ in read.unreadable}
        known: Names = [
            (name, table is not None or name in unreadable) for name, table in read.items
        ]
        chosen = known[0][0] if read.unread else ...
        return Found(self.path, read.handlers, known, chosen, self.saved_trees())

    def items(self) -> tuple[Item, ...]:
        """Find the items, by name; raises as `Found.items` does."""
        return self.found().items()

    def saved_trees(self) -> tuple[SavedTree, ...]:
        """Make what only V0 of Orbax says of each pytree."""
        from orbscan.reading.saved_trees import saved_tree

        items = self.read.items
        if self.which is not None:
            items = items[self.which : self.which + 1]
        of_one = self.which is not None
        return tuple(
            saved_tree(name, table, () if of_one or name is None else (name,))
            for name, table in items
            if table is not None and (of_one or name is not None)
        )

    def document(self) -> dict[str, object]:
        """Compose the content of `orbscan show -o json` for the pytree, or for each of them.

        Raises:
            OrbscanError: as `items` does.
        """
        if self.which is not None:
            return self._document(self.which)
        from orbscan.reading.pytree_document import SCHEMA_VERSION

        pytrees = [number for number, (_, table) in enumerate(self.read.items) if table is not None]
        return {
            "schema_version": SCHEMA_VERSION,
            "path": str(self.path),
            "checkpointables": [*map(self._document, pytrees)],
        }

    def _document(self, which: int) -> dict[str, object]:
        import json

        from orbscan import _core
        from orbscan.reading.pytree_document import render

        name, _ = self.read.items[which]
        if self.is_all:
            others = [other for other in self.found().names() if other[0] != name]
        else:
            others = _core.others(self.path, name)
        items = described(self.path, self.handlers, [(name, True), *others])
        pieces = render(self.path, self.read, items, others, which=which, issues=self.issues)
        made: dict[str, object] = json.loads("".join(pieces))
        return made

    def __reduce__(self) -> tuple[object, ...]:
        """Leave the columns in the process that read them."""
        return self.found().__reduce__()


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
