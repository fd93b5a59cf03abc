"""The trees of a checkpoint as the nodes of a page, siblings that are alike folded.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.reading import codes
from orbscan.showing.folding import FOLDED_BEYOND
from orbscan.showing.forest import Forest
from orbscan.showing.keypaths import Several, joined, key, key_entry

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
    from typing import Protocol, TypeAlias

    from orbscan.reading.facts import Leaf
    from orbscan.showing.keypaths import Entry

    Mark: TypeAlias = tuple[str, str]

    class Columns(Protocol):
        """The needed part of a `_core.LeafTable`; a container may have any kind."""

        @property
        def node_keys(self) -> Sequence[str | None]:
            """The key of each node; None below a list or tuple, for which its position counts."""

        @property
        def node_leaves(self) -> Sequence[int]:
            """The index of the leaf of each node; -1 for a container."""

        @property
        def containers(self) -> Sequence[tuple[int, Hashable, int, int]]:
            """(node, kind, low, high), deepest first."""


SOUND, UNCHECKED, LOST, UNREADABLE = range(4)
"""The states of a leaf: checked and complete, not checked, with lost bytes, and with unreadable
metadata."""


class Tree:
    """One tree of a checkpoint, and what else is known about its leaves.

    Attributes:
        name: the name of the checkpointable; None for one without a name.
        table: its columns.
        facts: of each distinct leaf.
        stored: the bytes of the chunks of each node that is a leaf; None if that was not measured.
        lost: the nodes of leaves that cannot be restored as they were saved; None if that was not
            checked.
        marks: what else distinguishes the leaves of some nodes: a word, and a text that explains
            it.
    """

    __slots__ = ("facts", "lost", "marks", "name", "stored", "table")

    def __init__(  # noqa: PLR0913 - what is known of a tree
        self,
        name: str | None,
        table: Columns,
        facts: list[Leaf],
        *,
        stored: Mapping[int, int] | None = None,
        lost: Collection[int] | None = None,
        marks: Mapping[int, Mark] | None = None,
    ) -> None:
        self.name = name
        self.table = table
        self.facts = facts
        self.stored = stored
        self.lost = lost
        self.marks = marks

    def state(self, node: int) -> int:
        """Return the state of the leaf of a node."""
        if self.facts[self.table.node_leaves[node]].kind == codes.UNREADABLE:
            return UNREADABLE
        if self.lost is None:
            return UNCHECKED
        return LOST if node in self.lost else SOUND


class Node:
    """One node of a page: a container or a leaf, which may stand for several equal ones.

    Attributes:
        label: the entry of the keypath, as every output spells it.
        parent: its number; -1 for the first node. Parents come before their children.
        count: how many nodes it stands for; 0 for the rest of the content of its parent.
        leaf: the leaf; None for a container, and for a rest.
        leaves: how many leaves it stands for.
        memory: the bytes of all of them in memory.
        stored: those of their chunks; None if that was not measured.
        state: of a leaf; the worst of several.
        mark: of a leaf, as its tree has it.
        tree: the tree of these nodes; None for a node above the trees.
        origins: the nodes of this tree that it stands for.
    """

    __slots__ = (
        "count",
        "label",
        "leaf",
        "leaves",
        "mark",
        "memory",
        "origins",
        "parent",
        "state",
        "stored",
        "tree",
    )

    def __init__(self, label: str, parent: int, count: int = 1) -> None:
        self.label = label
        self.parent = parent
        self.count = count
        self.leaf: Leaf | None = None
        self.leaves = self.memory = 0
        self.stored: int | None = None
        self.state = SOUND
        self.mark: Mark = ("", "")
        self.tree: Tree | None = None
        self.origins: Sequence[int] = ()

    @property
    def is_rest(self) -> bool:
        """Whether it stands for nodes that did not fit."""
        return self.count == 0

    def below(self, parent: int) -> Node:
        """Copy it to a place below another parent."""
        node = Node(self.label, parent, self.count)
        node.leaf, node.leaves, node.memory = self.leaf, self.leaves, self.memory
        node.stored, node.state, node.mark = self.stored, self.state, self.mark
        node.tree, node.origins = self.tree, self.origins
        return node

    def add(self, other: Node) -> None:
        """Add another node."""
        self.leaves += other.leaves
        self.memory += other.memory
        if other.stored is not None:
            self.stored = (self.stored or 0) + other.stored
        self.state = max(self.state, other.state)


def outline(trees: Sequence[Tree]) -> list[Node]:
    """Arrange the trees of a checkpoint as nodes, the first above all of them.

    Siblings are folded as by `orbscan show`, but lost leaves stay separate.
    """
    leaves = sum(leaf >= 0 for tree in trees for leaf in tree.table.node_leaves)
    folded = leaves > FOLDED_BEYOND
    nodes = [Node(".", -1)]
    for tree in trees:
        if tree.name is None and len(trees) == 1:
            _lay(tree, nodes, 0, folded=folded)
        else:
            # A tree without a name is never shown with one; beside others it needs a node.
            nodes.append(Node("(unnamed)" if tree.name is None else key(tree.name), 0))
            _lay(tree, nodes, len(nodes) - 1, folded=folded)
    for node in reversed(nodes[1:]):
        nodes[node.parent].add(node)
    return nodes


def cut(nodes: Sequence[Node], most: int) -> tuple[list[Node], int]:
    """Keep this many nodes: first those with a fault, then the largest.

    Returns:
        the nodes, where the rest of a container is one node at its end; and how many leaves these
        rests stand for.
    """
    if len(nodes) <= most:
        return [*nodes], 0
    # No parent is smaller or has fewer faults than its child, and it comes first.
    order = sorted(range(len(nodes)), key=lambda at: (-nodes[at].state, -nodes[at].memory, at))
    kept = sorted(order[:most])
    place = {at: number for number, at in enumerate(kept)}
    found = [nodes[at].below(place.get(nodes[at].parent, -1)) for at in kept]
    rests: dict[int, Node] = {}
    for at in order[most:]:
        parent = place.get(nodes[at].parent)
        if parent is not None:
            rest = rests.setdefault(parent, Node("", parent, 0))
            rest.add(nodes[at])
    for rest in rests.values():
        rest.label = f"… {rest.leaves:,} more"
    return found + [rests[at] for at in sorted(rests)], sum(rest.leaves for rest in rests.values())


def path_of(nodes: Sequence[Node], number: int) -> str:
    """Return the keypath of a node, as every output spells it."""
    labels: list[str] = []
    while number > 0:
        labels.append(nodes[number].label)
        number = nodes[number].parent
    return joined(reversed(labels)) or "."


def _lay(tree: Tree, nodes: list[Node], top: int, *, folded: bool) -> None:
    columns = _Columns(tree)
    forest = Forest(columns, columns.facts)
    below = {node: low for node, _, low, _ in columns.containers}
    # An explicit stack: a tree may be deeper than the stack of the interpreter.
    waiting: list[tuple[int, int]] = [(0, top)]
    _describe(nodes[top], tree, (0,))
    while waiting:
        node, number = waiting.pop()
        if node not in below:
            continue
        alike = nodes[number].origins
        for entry, child, times in forest.children(node, folded=folded):
            every: Sequence[int] = (child,)
            if times > 1 or len(alike) > 1:
                steps = _places(entry, child, below[node], tree.table.node_keys)
                every = [below[each] + step for each in alike for step in steps]
            shown = Node(key_entry(entry), number, len(every))
            _describe(shown, tree, every)
            if child in below:
                waiting.append((child, len(nodes)))
            nodes.append(shown)


def _describe(node: Node, tree: Tree, alike: Sequence[int]) -> None:
    """Say what a node stands for, and what is known of it if it is a leaf."""
    first = alike[0]
    node.tree, node.origins = tree, alike
    if tree.table.node_leaves[first] < 0:
        return
    leaf = tree.facts[tree.table.node_leaves[first]]
    node.leaf = leaf
    node.leaves = len(alike)
    node.memory = leaf.nbytes * len(alike)
    node.state = tree.state(first)
    if tree.marks is not None:
        node.mark = tree.marks.get(first, node.mark)
    if tree.stored is not None:
        node.stored = sum(tree.stored.get(each, 0) for each in alike)


def _places(
    entry: Entry, child: int, low: int, keys: Sequence[str | None]
) -> Iterator[int] | Sequence[int]:
    """The positions of the siblings of an entry among the children of their parent."""
    if not isinstance(entry, Several):
        return (child - low,)
    if entry.prefix is None:
        return [int(number) for number in entry.numbers]
    wanted = {f"{entry.prefix}{number}{entry.suffix}" for number in entry.numbers}
    found: list[int] = []
    at = child
    # The first of them is known, and the others come after it.
    while len(found) < len(wanted):
        if keys[at] in wanted:
            found.append(at - low)
        at += 1
    return found


class _Columns:
    """The columns of a tree in which a lost or marked leaf is equal to no other."""

    def __init__(self, tree: Tree) -> None:
        table, lost, marks = tree.table, tree.lost or (), tree.marks or {}
        self.node_keys = table.node_keys
        self.containers: Sequence[tuple[int, Hashable, int, int]] = table.containers
        self.facts: Sequence[Leaf] = tree.facts
        self.node_leaves = table.node_leaves
        if lost or marks:
            known: dict[tuple[int, bool, Mark | None], int] = {}
            self.node_leaves = [
                leaf
                if leaf < 0
                else known.setdefault((leaf, node in lost, marks.get(node)), len(known))
                for node, leaf in enumerate(table.node_leaves)
            ]
            self.facts = [tree.facts[leaf] for leaf, _, _ in known]
