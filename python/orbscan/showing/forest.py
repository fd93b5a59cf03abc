"""A tree as lines to show: siblings folded, deep subtrees summed up.

Pure: columns in, values out. Without folding and a depth there is one line for each leaf.

Importing this module loads nothing else.
"""

from __future__ import annotations

from orbscan.showing.folding import fold

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Sequence
    from typing import Protocol

    from orbscan.showing.keypaths import Entry

    class Columns(Protocol):
        """What a forest needs from a `_core.LeafTable`; the kind of a container can be anything."""

        @property
        def node_keys(self) -> Sequence[str | int | None]:
            """The key of each node; None below a list or tuple, where its position counts."""

        @property
        def node_leaves(self) -> Sequence[int]:
            """The index of the leaf of each node; -1 for a container."""

        @property
        def containers(self) -> Sequence[tuple[int, Hashable, int, int]]:
            """(node, kind, low, high), deepest first."""

    class Fact(Protocol):
        """What a forest needs to know of a leaf."""

        @property
        def elements(self) -> int:
            """Its elements, if it is an array and not a PRNG key."""

        @property
        def nbytes(self) -> int:
            """Its bytes in memory."""


# The content of a subtree without selected leaves.
_ABSENT = 0


class Summary:
    """The content of a subtree.

    Attributes:
        leaves: the number of leaves.
        elements: the elements of its arrays.
        nbytes: their bytes in memory.
    """

    __slots__ = ("elements", "leaves", "nbytes")

    def __init__(self, leaves: int = 0, elements: int = 0, nbytes: int = 0) -> None:
        self.leaves = leaves
        self.elements = elements
        self.nbytes = nbytes

    def add(self, other: Summary) -> None:
        """Add the leaves of another subtree."""
        self.leaves += other.leaves
        self.elements += other.elements
        self.nbytes += other.nbytes


class Line:
    """One line: a leaf or a whole subtree, which may stand for several equal ones.

    Attributes:
        entries: the keypath.
        leaf: the index of the leaf; None for a subtree.
        held: the content of the leaf or subtree.
        times: how many the line stands for; `held` is that of one of them.
    """

    __slots__ = ("entries", "held", "leaf", "times")

    def __init__(
        self, entries: tuple[Entry, ...], leaf: int | None, held: Summary, times: int
    ) -> None:
        self.entries = entries
        self.leaf = leaf
        self.held = held
        self.times = times


class Forest:
    """The selected leaves of a tree, and how many of them each subtree contains."""

    def __init__(
        self,
        columns: Columns,
        facts: Sequence[Fact],
        selected: Collection[int] | None = None,
    ) -> None:
        """Count the leaves of every subtree.

        Args:
            columns: the tree.
            facts: the facts about each distinct leaf.
            selected: the nodes of the leaves to show; None for all.
        """
        self._columns = columns
        self._number_of_facts = len(facts)
        self._children = {node: (low, high) for node, _, low, high in columns.containers}
        self._sums = self._sum_up(facts, selected)
        self._shapes: list[int] = []

    @property
    def total(self) -> Summary:
        """The content of the whole tree."""
        return self._sums[0] or Summary()

    def counts(self) -> list[int]:
        """How often each distinct leaf occurs."""
        times = [0] * self._number_of_facts
        for leaf, held in zip(self._columns.node_leaves, self._sums, strict=True):
            if leaf >= 0 and held is not None:
                times[leaf] += 1
        return times

    def elements(self, marks: Sequence[int]) -> int:
        """The elements of the leaves whose nodes are marked."""
        return sum(
            held.elements
            for leaf, held, mark in zip(self._columns.node_leaves, self._sums, marks, strict=True)
            if mark and leaf >= 0 and held is not None
        )

    def held(self, node: int) -> Summary:
        """Return the content of a node."""
        return self._sums[node] or Summary()

    def leaf(self, node: int) -> int | None:
        """The index of the leaf at a node; None for a container."""
        return None if node in self._children else self._columns.node_leaves[node]

    def lines(self, *, folded: bool, depth: int | None = None) -> Iterator[Line]:
        """Walk the tree in its order.

        Args:
            folded: whether siblings that differ only in a number become one line.
            depth: subtrees below keypaths of this length become one line; None for no limit.
        """
        # An explicit stack: a tree may be deeper than the stack of the interpreter.
        waiting: list[tuple[int, tuple[Entry, ...], int]] = [(0, (), 1)]
        while waiting:
            node, entries, times = waiting.pop()
            held, leaf = self._sums[node], self.leaf(node)
            if held is None:
                continue
            if leaf is not None or (depth is not None and len(entries) >= depth):
                yield Line(entries, leaf, held, times)
            else:
                waiting += [
                    (child, (*entries, entry), times * alike)
                    for entry, child, alike in reversed(self.children(node, folded=folded))
                ]

    def children(self, node: int, *, folded: bool) -> list[tuple[Entry, int, int]]:
        """Return the children of a container to show: entry, node, and how many it stands for."""
        low, high = self._children[node]
        nodes: Sequence[int] = range(low, high)
        if any(self._sums[child] is None for child in nodes):
            nodes = [child for child in nodes if self._sums[child] is not None]
        keys = self._columns.node_keys

        def entry(child: int) -> str | int:
            key = keys[child]
            return child - low if key is None else key

        if not folded:
            return [(entry(child), child, 1) for child in nodes]
        if not self._shapes:
            self._shapes = self._compare()
        groups = fold((entry(child), self._shapes[child]) for child in nodes)
        return [(name, nodes[position], alike) for name, position, alike in groups]

    def _sum_up(
        self, facts: Sequence[Fact], selected: Collection[int] | None
    ) -> list[Summary | None]:
        """Return the content of each node; None for a node without selected leaves."""
        of_leaf = [Summary(1, leaf.elements, leaf.nbytes) for leaf in facts]
        sums: list[Summary | None] = [
            of_leaf[leaf] if leaf >= 0 and (selected is None or node in selected) else None
            for node, leaf in enumerate(self._columns.node_leaves)
        ]
        # Deepest first, so that children come before their parents.
        for node, _, low, high in self._columns.containers:
            held = Summary()
            for child in sums[low:high]:
                if child is not None:
                    held.add(child)
            sums[node] = held if held.leaves else None
        return sums

    def _compare(self) -> list[int]:
        """Number the subtrees so that exactly those with equal content have the same number."""
        known: dict[Hashable, int] = {}
        shapes = [
            _ABSENT if held is None else leaf + 1
            for leaf, held in zip(self._columns.node_leaves, self._sums, strict=True)
        ]
        first = self._number_of_facts + 1
        keys = self._columns.node_keys
        for node, kind, low, high in self._columns.containers:
            if self._sums[node] is not None:
                content = (kind, tuple(keys[low:high]), tuple(shapes[low:high]))
                shapes[node] = known.setdefault(content, first + len(known))
        return shapes
