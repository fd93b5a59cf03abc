"""The result of a comparison for each leaf of both sides, and the nodes that belong together.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.differing.changes import UNREADABLE
from orbscan.differing.words import change_text

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Keypath
    from orbscan.differing.changes import Checkpointable, Place
    from orbscan.differing.diff import Diff
    from orbscan.differing.outline import Outline
    from orbscan.differing.side import Item, Side
    from orbscan.reporting.outline import Mark

SAME, CHANGED, RENAMED, REMOVED, ADDED, UNKNOWN = (
    "the same",
    "changed",
    "perhaps renamed",
    "removed",
    "added",
    "not compared",
)


class Marked:
    """One tree of a side.

    Attributes:
        item: its checkpointable.
        outline: its nodes.
        marks: the result for the leaf of each node.
    """

    __slots__ = ("_children", "item", "marks", "outline")

    def __init__(self, item: Item, outline: Outline, word: str) -> None:
        self.item = item
        self.outline = outline
        self._children: dict[int, tuple[int, dict[str, int]]] = {}
        self.marks: dict[int, Mark] = {
            node: (word, word) for node, leaf in enumerate(outline.node_leaves) if leaf >= 0
        }
        for node, _, low, high in outline.containers:
            keys = outline.node_keys[low:high]
            names = [str(at) if key is None else key for at, key in enumerate(keys)]
            self._children[node] = (low, {name: low + at for at, name in enumerate(names)})

    def find(self, keypath: Keypath) -> int | None:
        """Return the node at a keypath, or None; its entries are compared as text."""
        node = 0
        for entry in keypath:
            found = self._children.get(node, (0, {}))[1].get(str(entry))
            if found is None:
                return None
            node = found
        return node

    def mark(self, keypath: Keypath, word: str, note: str = "") -> None:
        """Mark all leaves at and below a keypath."""
        found = self.find(keypath)
        waiting = [] if found is None else [found]
        while waiting:
            node = waiting.pop()
            if node in self._children:
                waiting += self._children[node][1].values()
            else:
                self.marks[node] = (word, note or word)


class Comparison:
    """Both sides of a diff, with its results for their leaves.

    Attributes:
        before, after: the trees of the sides, by the name of their checkpointable.
        ties: nodes of both sides that belong together: names and nodes.
    """

    def __init__(self, diff: Diff) -> None:
        first, second = diff.sides()
        self.before = _marked(first, dict(_words(diff, of_first=True)))
        self.after = _marked(second, dict(_words(diff, of_first=False)))
        self._partners = {
            pair.before.name: pair.after.name
            for pair in diff.checkpointables
            if pair.before is not None and pair.after is not None
        }
        self._tell(diff)
        self.ties = [*self._tied(diff)]

    def _tell(self, diff: Diff) -> None:
        for change in diff.changed:
            word = UNKNOWN if change.what == (UNREADABLE,) else CHANGED
            note = change_text(change)
            self._at(self.before, change.checkpointable, change.keypath, word, note)
            partner = self._partners.get(change.checkpointable)
            self._at(self.after, partner, change.keypath, word, note)
        for at in diff.removed:
            self._at(self.before, at.checkpointable, at.keypath, REMOVED)
        for at in diff.added:
            self._at(self.after, at.checkpointable, at.keypath, ADDED)
        for rename in diff.renamed:
            for side, place in ((self.before, rename.before), (self.after, rename.after)):
                self._at(side, place.checkpointable, place.keypath, RENAMED)

    def _at(
        self,
        side: dict[str | None, Marked],
        name: str | None,
        keypath: Keypath,
        word: str,
        note: str = "",
    ) -> None:
        if name in side:
            side[name].mark(keypath, word, note)

    def _tied(self, diff: Diff) -> Iterator[tuple[tuple[str | None, int], tuple[str | None, int]]]:
        for before, after in self._partners.items():
            if before in self.before and after in self.after:
                yield (before, 0), (after, 0)
        for rename in diff.renamed:
            this = _node(self.before, rename.before)
            that = _node(self.after, rename.after)
            if this is not None and that is not None:
                yield this, that


def _words(diff: Diff, *, of_first: bool) -> Iterator[tuple[str | None, str]]:
    """The mark of the leaves of each checkpointable as a whole, before those of single leaves."""
    for pair in diff.checkpointables:
        side: Checkpointable | None = pair.before if of_first else pair.after
        if side is not None:
            yield side.name, UNKNOWN if UNREADABLE in pair.what else SAME


def _marked(side: Side, words: dict[str | None, str]) -> dict[str | None, Marked]:
    return {
        item.name: Marked(item, item.outline, words.get(item.name, UNKNOWN))
        for item in side.items
        if item.outline is not None
    }


def _node(side: dict[str | None, Marked], place: Place) -> tuple[str | None, int] | None:
    tree = side.get(place.checkpointable)
    node = None if tree is None else tree.find(place.keypath)
    return None if node is None else (place.checkpointable, node)
