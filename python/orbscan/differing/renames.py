"""Which removed subtree has perhaps become which added one.

Subtrees with the same structure, kinds of leaves, shapes and element types get one number, bottom
up; then the largest that both sides have are paired first, and nothing inside them again. Where
several are the same, keypaths decide: the longest common end, then the numbers in them, so that
`layers_3` becomes `blocks_3`, then the container they are in. What they do not decide is not
guessed.

The time is linear in the removed and added nodes, but for sorting.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.differing.diff import AmbiguousRename, Rename
from orbscan.differing.outline import KEYED
from orbscan.differing.walk import children_of, members_of
from orbscan.folding import LONGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from orbscan.differing.aspects import Judge
    from orbscan.differing.diff import Keypath
    from orbscan.differing.leaf import LeafSummary
    from orbscan.differing.outline import Outline
    from orbscan.differing.walk import Found

    Words = tuple[Hashable, ...]

# How many of the last entries of two keypaths are compared, the most telling first.
_ENDS = (8, 5, 3, 2, 1)
_NUMBER = re.compile(r"[0-9]+")


def suggest(
    before: Outline, after: Outline, found: Found, judge: Judge
) -> tuple[tuple[Rename, ...], tuple[AmbiguousRename, ...]]:
    """Pair removed subtrees with added ones.

    Returns:
        the pairs in the order of the first tree, and the groups of subtrees that cannot be paired,
        larger ones first.
    """
    if not (found.removed and found.added):
        return (), ()
    known: dict[Hashable, int] = {}
    old_roots = _wide(before, [this for this, _ in found.emptied]) + found.removed
    new_roots = _wide(after, [that for _, that in found.emptied]) + found.added
    old, new = _Side(before, old_roots, judge, known), _Side(after, new_roots, judge, known)
    renamed: list[tuple[int, Rename]] = []
    ambiguous: list[AmbiguousRename] = []
    for signature in old.largest_first():
        pairs, removed, added = _paired(old, new, signature)
        for this, that in pairs:
            rename = Rename(old.keypaths[this], new.keypaths[that], old.leaves[this])
            renamed.append((this, rename))
            old.cover([this])
            new.cover([that])
        if removed and added:
            leaves = old.leaves[removed[0]]
            ambiguous.append(
                AmbiguousRename(old.keypaths_of(removed), new.keypaths_of(added), leaves)
            )
            old.cover(removed)
            new.cover(added)
    return tuple(rename for _, rename in sorted(renamed)), tuple(ambiguous)


def _wide(outline: Outline, roots: list[tuple[Keypath, int]]) -> list[tuple[Keypath, int]]:
    """The containers with several members: of a single one, its own name says more."""
    children = children_of(outline)
    return [(at, node) for at, node in roots if children[node][2] - children[node][1] > 1]


class _Side:
    """The subtrees that one side has and the other lacks, in preorder: a subtree is a slice.

    Attributes:
        keypaths: of each node.
        leaves: how many leaves each subtree has.
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
        """The numbers of the subtrees that hold an array."""
        telling = [places[0] for places in self._places.values() if self._arrays[places[0]]]
        telling.sort(key=lambda at: (-self._sizes[at], at))
        return [self._signatures[at] for at in telling]

    def uncovered(self, signature: int) -> list[int]:
        """The places of the subtrees of a number that lie in no subtree already dealt with."""
        return [at for at in self._places.get(signature, ()) if not self._covered[at]]

    def cover(self, places: list[int]) -> None:
        """Remember that subtrees are dealt with, and with them all inside."""
        for place in places:
            size = self._sizes[place]
            self._covered[place : place + size] = b"\1" * size

    def keypaths_of(self, places: list[int]) -> tuple[Keypath, ...]:
        """The keypaths of subtrees."""
        return tuple(self.keypaths[place] for place in places)

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
        """Give subtrees of the same content the same number, children before their parents."""
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
                # What cannot be read is like nothing else.
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
    """What containers have in common that are the same."""
    if kind in KEYED:
        # Members of a dict have no order that counts.
        members.sort()
    return (kind if judge.rich_types else kind in KEYED, *members)


def _type(leaf: LeafSummary, judge: Judge) -> Hashable:
    """What leaves have in common that are the same."""
    return (judge.kind(leaf), leaf.shape, leaf.dtype)


def _paired(
    old: _Side, new: _Side, signature: int
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pair the subtrees of one number; returns the pairs and what remains on each side."""
    removed, added = old.uncovered(signature), new.uncovered(signature)
    if len(removed) == len(added) == 1:
        return [(removed[0], added[0])], [], []
    pairs: list[tuple[int, int]] = []
    for words in _readings():
        if not (removed and added):
            break
        this_by = _unique((words(old.keypaths[at]), at) for at in removed)
        that_by = _unique((words(new.keypaths[at]), at) for at in added)
        agreed = [(at, that_by[key]) for key, at in this_by.items() if key in that_by]
        pairs += agreed
        gone, come = {at for at, _ in agreed}, {at for _, at in agreed}
        removed = [at for at in removed if at not in gone]
        added = [at for at in added if at not in come]
    return sorted(pairs), removed, added


def _readings() -> Iterator[Callable[[Keypath], Words | None]]:
    """The ways in which keypaths are compared; None is like no other."""
    for length in _ENDS:
        yield partial(_end, length)
    for length in (*_ENDS, 0):
        yield partial(_end_with_numbers, length)
    yield _container


def _end(length: int, keypath: Keypath) -> Words | None:
    return tuple(map(str, keypath[-length:])) if len(keypath) >= length else None


def _end_with_numbers(length: int, keypath: Keypath) -> Words | None:
    found = (digits for entry in keypath for digits in _NUMBER.findall(str(entry)))
    # Python makes no number of thousands of digits, and nobody counts so far.
    numbers = tuple(int(digits) if len(digits) <= LONGEST_NUMBER else digits for digits in found)
    end = tuple(map(str, keypath[-length:])) if length else ()
    return (numbers, *end) if numbers and len(keypath) >= length else None


def _container(keypath: Keypath) -> Words | None:
    return tuple(map(str, keypath[:-1])) if keypath else None


def _unique(found: Iterator[tuple[Words | None, int]]) -> dict[Words, int]:
    """The places whose words no other place has."""
    places: dict[Words, int] = {}
    repeated: set[Words] = set()
    for words, place in found:
        if words is None:
            continue
        if words in places:
            repeated.add(words)
        places[words] = place
    return {words: place for words, place in places.items() if words not in repeated}
