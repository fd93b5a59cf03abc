"""Subtrees that one side has and the other lacks, numbered so that equal ones have one number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.differing.outline import KEYED
from orbscan.differing.walk import children_of, members_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from orbscan.aliases import Keypath
    from orbscan.differing.aspects import Judge
    from orbscan.differing.leaf import LeafSummary
    from orbscan.differing.outline import Outline


class Subtrees:
    """The subtrees that one side has and the other lacks, in preorder: a subtree is a slice.

    Attributes:
        keypaths: the keypath of each node.
        leaves: the number of leaves of each subtree.
    """

    def __init__(
        self,
        outline: Outline,
        roots: list[tuple[Keypath, int]],
        judge: Judge,
        known: dict[Hashable, int],
    ) -> None:
        """Number the subtrees.

        Args:
            outline: the tree.
            roots: its subtrees; one may lie in another if it comes later.
            judge: says which kinds are the same.
            known: the number of every content seen so far, on either side.
        """
        self.keypaths: list[Keypath] = []
        self._nodes: list[int] = []
        self._parents: list[int] = []
        self._children = children_of(outline)
        self._lay_out(outline, roots)
        count = len(self._nodes)
        self.leaves = [0] * count
        self._sizes = [1] * count
        self._arrays = [0] * count
        self._covered = bytearray(count)
        self._places: dict[int, list[int]] = {}
        self._number(outline, judge, known)

    def largest_first(self) -> list[int]:
        """The numbers of the subtrees that contain an array."""
        telling = [places[0] for places in self._places.values() if self._arrays[places[0]]]
        telling.sort(key=lambda at: (-self._sizes[at], at))
        return [self._signatures[at] for at in telling]

    @property
    def whole(self) -> int | None:
        """The number of the first subtree; None if it contains no array."""
        return self._signatures[0] if self._arrays[0] else None

    def uncovered(self, signature: int) -> list[int]:
        """The places of the subtrees with a number, except inside subtrees that are done."""
        return [at for at in self._places.get(signature, ()) if not self._covered[at]]

    def cover(self, places: list[int]) -> None:
        """Mark subtrees as done, with everything inside them."""
        for place in places:
            size = self._sizes[place]
            self._covered[place : place + size] = b"\1" * size

    def _lay_out(self, outline: Outline, roots: list[tuple[Keypath, int]]) -> None:
        seen: set[int] = set()
        waiting = [(keypath, node, -1) for keypath, node in reversed(roots)]
        while waiting:
            keypath, node, parent = waiting.pop()
            if parent < 0 and node in seen:
                continue
            seen.add(node)
            place = len(self._nodes)
            self.keypaths.append(keypath)
            self._nodes.append(node)
            self._parents.append(parent)
            if node in self._children:
                members = [*members_of(outline, self._children[node])]
                waiting += [((*keypath, entry), child, place) for entry, child in reversed(members)]

    def _number(self, outline: Outline, judge: Judge, known: dict[Hashable, int]) -> None:
        """Give equal subtrees the same number, children before their parents."""
        members: dict[int, list[tuple[str, int]]] = {}
        self._signatures = [0] * len(self._nodes)
        for place in range(len(self._nodes) - 1, -1, -1):
            if place in members:
                kind = self._children[self._nodes[place]][0]
                content = _content(kind, members.pop(place), judge)
            else:
                leaf = outline.leaves[outline.node_leaves[self._nodes[place]]]
                self.leaves[place] = 1
                self._arrays[place] = int(leaf.is_array)
                # An unreadable leaf is equal to nothing else.
                unreadable = leaf.kind == kinds.UNREADABLE
                content = (self, place) if unreadable else _type(leaf, judge)
            signature = self._signatures[place] = known.setdefault(content, len(known))
            parent = self._parents[place]
            if parent >= 0:
                entry = str(self.keypaths[place][-1])
                members.setdefault(parent, []).append((entry, signature))
                self.leaves[parent] += self.leaves[place]
                self._sizes[parent] += self._sizes[place]
                self._arrays[parent] += self._arrays[place]
        for place, signature in enumerate(self._signatures):
            self._places.setdefault(signature, []).append(place)


def _content(kind: str, members: list[tuple[str, int]], judge: Judge) -> Hashable:
    """What equal containers have in common."""
    if kind in KEYED:
        # The order of the members of a dict does not count.
        members.sort()
    return (kind if judge.rich_types else kind in KEYED, *members)


def _type(leaf: LeafSummary, judge: Judge) -> Hashable:
    """What equal leaves have in common."""
    return (judge.kind(leaf), leaf.shape, leaf.dtype)
