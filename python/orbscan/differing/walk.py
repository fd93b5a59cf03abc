"""Where two outlines differ: one walk through both at once, in time linear in their nodes.

Members are matched by the text of their entry: a saved namedtuple, dataclass or module appears as a
dict in a checkpoint, an integer key as text. So do a list and a dict with the keys `0`, `1`, …:
that one is a list and the other a dict is a difference of the containers, not of all leaves below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orbscan.differing.aspects import CONTAINER
from orbscan.differing.changes import ContainerChange, LeafAt, LeafChange
from orbscan.differing.outline import KEYED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Keypath
    from orbscan.differing.aspects import Judge
    from orbscan.differing.outline import Outline

    Children = dict[int, tuple[str, int, int]]


# The second node for a node of the first outline that has no match.
_ABSENT = -1


class Found(NamedTuple):
    """Where two outlines differ.

    Attributes:
        removed: nodes of the first outline whose subtrees the second lacks, with their keypaths.
        added: likewise, of the second.
        changed: leaves of both that differ.
        shared: all leaves of both, if they are wanted: keypath, both nodes, how they differ.
        containers: containers of both that have different kinds.
        emptied: containers of both whose members have all been removed and replaced by others:
            (keypath, node of the first) and (keypath, node of the second).
        unchanged: the number of leaves of both that do not differ.
        unknown: the number of leaves whose sharding is known on one side only.
    """

    removed: list[tuple[Keypath, int]]
    added: list[tuple[Keypath, int]]
    changed: list[LeafChange]
    shared: list[tuple[Keypath, int, int, tuple[str, ...]]]
    containers: list[ContainerChange]
    emptied: list[tuple[tuple[Keypath, int], tuple[Keypath, int]]]
    unchanged: int
    unknown: int


def compare(
    before: Outline,
    after: Outline,
    judge: Judge,
    name: str | None = None,
    *,
    wants_shared: bool = False,
) -> Found:
    """Find all differences, in the order of the first tree; added nodes follow each container.

    Args:
        before: the first tree.
        after: the second.
        judge: says how two leaves differ.
        name: of the checkpointable that the first tree is.
        wants_shared: whether to list all leaves that both have.
    """
    walk = _Walk(before, after, judge, name, wants_shared=wants_shared)
    walk.run()
    return walk.found()


def leaves_below(
    outline: Outline, roots: list[tuple[Keypath, int]], name: str | None = None
) -> Iterator[LeafAt]:
    """Return the leaves of subtrees with their keypaths, in the order of the tree.

    Args:
        outline: the tree.
        roots: the subtrees.
        name: of the checkpointable that the tree is.
    """
    children = children_of(outline)
    waiting = [*reversed(roots)]
    while waiting:
        keypath, node = waiting.pop()
        if node in children:
            members = [*members_of(outline, children[node])]
            waiting += [((*keypath, entry), child) for entry, child in reversed(members)]
        else:
            yield LeafAt(name, keypath, outline.leaves[outline.node_leaves[node]])


def children_of(outline: Outline) -> Children:
    """The kind and the children of each container."""
    return {node: (kind, low, high) for node, kind, low, high in outline.containers}


def members_of(
    outline: Outline, container: tuple[str, int, int]
) -> Iterator[tuple[str | int, int]]:
    """The entry and the node of each member of a container."""
    kind, low, high = container
    if kind in KEYED:
        for child in range(low, high):
            key = outline.node_keys[child]
            yield ("" if key is None else key), child
    else:
        yield from enumerate(range(low, high))


class _Walk:
    def __init__(
        self,
        before: Outline,
        after: Outline,
        judge: Judge,
        name: str | None,
        *,
        wants_shared: bool,
    ) -> None:
        self._wants_shared = wants_shared
        self._before, self._after = before, after
        self._below, self._other_below = children_of(before), children_of(after)
        self._judge = judge
        self._name = name
        # How two leaves differ, by their indices, because most leaves are few distinct ones.
        self._known: dict[tuple[int, int], tuple[tuple[str, ...], bool]] = {}
        self._found = Found([], [], [], [], [], [], 0, 0)
        self._unchanged = self._unknown = 0
        self._waiting: list[tuple[Keypath, int, Keypath, int]] = [((), 0, (), 0)]

    def found(self) -> Found:
        return self._found._replace(unchanged=self._unchanged, unknown=self._unknown)

    def run(self) -> None:
        # An explicit stack: a tree may be deeper than the stack of the interpreter.
        while self._waiting:
            keypath, node, other_keypath, other = self._waiting.pop()
            is_container = node in self._below, other in self._other_below
            if other == _ABSENT:
                self._found.removed.append((keypath, node))
            elif all(is_container):
                self._containers(keypath, node, other_keypath, other)
            elif any(is_container):
                self._found.removed.append((keypath, node))
                self._found.added.append((other_keypath, other))
            else:
                self._leaves(keypath, node, other)

    def _leaves(self, keypath: Keypath, node: int, other: int) -> None:
        pair = (self._before.node_leaves[node], self._after.node_leaves[other])
        before, after = self._before.leaves[pair[0]], self._after.leaves[pair[1]]
        if pair not in self._known:
            unknown = self._judge.sharding_unknown(before, after)
            self._known[pair] = (self._judge.differences(before, after), unknown)
        what, unknown = self._known[pair]
        self._unknown += unknown
        if self._wants_shared:
            self._found.shared.append((keypath, node, other, what))
        if what:
            self._found.changed.append(LeafChange(self._name, keypath, what, before, after))
        else:
            self._unchanged += 1

    def _containers(self, keypath: Keypath, node: int, other_keypath: Keypath, other: int) -> None:
        this, that = self._below[node], self._other_below[other]
        self._kinds(keypath, this[0], that[0])
        remaining = {str(entry): (entry, child) for entry, child in members_of(self._after, that)}
        members: list[tuple[Keypath, int, Keypath, int]] = []
        emptied = True
        for entry, child in members_of(self._before, this):
            match = remaining.pop(str(entry), None)
            below = (*keypath, entry)
            if match is None:
                members.append((below, child, (), _ABSENT))
                continue
            emptied = False
            other_entry, other_child = match
            # Mostly the two keypaths are equal, and are then made only once.
            same = keypath is other_keypath and entry == other_entry
            other_below = below if same else (*other_keypath, other_entry)
            members.append((below, child, other_below, other_child))
        self._found.added.extend(
            ((*other_keypath, entry), child) for entry, child in remaining.values()
        )
        if emptied:
            self._found.emptied.append(((keypath, node), (other_keypath, other)))
        self._waiting += reversed(members)

    def _kinds(self, keypath: Keypath, before: str, after: str) -> None:
        alike = before == after
        if not self._judge.rich_types:
            alike = (before in KEYED) == (after in KEYED)
        if not alike and CONTAINER not in self._judge.ignore:
            change = ContainerChange(self._name, keypath, before, after)
            self._found.containers.append(change)
