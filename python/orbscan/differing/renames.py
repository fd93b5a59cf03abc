"""Which removed subtree was perhaps renamed to which added one.

Subtrees with the same structure, kinds of leaves, shapes and element types have one number. The
largest that both sides have are paired first, and nothing inside them is paired again. If several
are the same, keypaths decide: the longest common end, then the numbers in them, so that `layers_3`
becomes `blocks_3`, then the container they are in. If that does not decide, an edit of keypaths
that explains the other pairs may (`rules`). Nothing else is guessed.

Whole checkpointables are paired in the same way, if each side has only one such.

The time is linear in the removed and added nodes, except for sorting.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from orbscan.differing.changes import AmbiguousRename, Place, Rename
from orbscan.differing.rules import explained
from orbscan.differing.subtrees import Subtrees
from orbscan.differing.walk import children_of
from orbscan.showing.folding import LONGEST_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from orbscan.aliases import Keypath
    from orbscan.differing.aspects import Judge
    from orbscan.differing.changes import Rule
    from orbscan.differing.outline import Outline
    from orbscan.differing.side import Item
    from orbscan.differing.walk import Found

    Words = tuple[Hashable, ...]
    Suggestions = tuple[tuple[Rename, ...], tuple[AmbiguousRename, ...], tuple[Rule, ...]]

# How many of the last entries of two keypaths are compared, the most significant first.
_ENDS = (8, 5, 3, 2, 1)
_NUMBER = re.compile(r"[0-9]+")


def within(before: Item, after: Item, found: Found, judge: Judge) -> Suggestions:
    """Pair removed subtrees of a checkpointable with added ones.

    Args:
        before: the checkpointable of the first side.
        after: that of the second.
        found: where their trees differ.
        judge: says which kinds of leaves are the same.

    Returns:
        the pairs in the order of the first tree, the groups of subtrees that cannot be paired,
        larger ones first, and the rules that explain pairs.
    """
    if before.outline is None or after.outline is None or not (found.removed and found.added):
        return (), (), ()
    known: dict[Hashable, int] = {}
    old_roots = _wide(before.outline, [this for this, _ in found.emptied]) + found.removed
    new_roots = _wide(after.outline, [that for _, that in found.emptied]) + found.added
    old = Subtrees(before.outline, old_roots, judge, known)
    new = Subtrees(after.outline, new_roots, judge, known)
    renamed: list[Rename] = []
    ambiguous: list[AmbiguousRename] = []
    for signature in old.largest_first():
        pairs, removed, added = _paired(old, new, signature)
        for this, that in pairs:
            was, now = (
                Place(item.name, side.keypaths[at])
                for item, side, at in ((before, old, this), (after, new, that))
            )
            renamed.append(Rename(was, now, old.leaves[this]))
            old.cover([this])
            new.cover([that])
        if removed and added:
            were, are = (
                tuple(Place(item.name, side.keypaths[at]) for at in places)
                for item, side, places in ((before, old, removed), (after, new, added))
            )
            ambiguous.append(AmbiguousRename(were, are, old.leaves[removed[0]]))
            old.cover(removed)
            new.cover(added)
    renamed, ambiguous, rules = explained(renamed, ambiguous)
    order = {keypath: at for at, keypath in enumerate(old.keypaths)}
    renamed.sort(key=lambda rename: order[rename.before.keypath])
    return tuple(renamed), tuple(ambiguous), tuple(rules)


def of_wholes(removed: Sequence[Item], added: Sequence[Item], judge: Judge) -> Suggestions:
    """Pair removed checkpointables with added ones whose trees are the same."""
    known: dict[Hashable, int] = {}
    old, new = (_by_tree(items, judge, known) for items in (removed, added))
    renamed: list[Rename] = []
    ambiguous: list[AmbiguousRename] = []
    for signature, (were, leaves) in old.items():
        now, _ = new.get(signature, ((), 0))
        if len(were) == len(now) == 1:
            renamed.append(Rename(were[0], now[0], leaves))
        elif now:
            ambiguous.append(AmbiguousRename(tuple(were), tuple(now), leaves))
    return tuple(renamed), tuple(ambiguous), ()


def _by_tree(
    items: Sequence[Item], judge: Judge, known: dict[Hashable, int]
) -> dict[int, tuple[list[Place], int]]:
    """The checkpointables with a tree, and the number of its leaves, by its number."""
    found: dict[int, tuple[list[Place], int]] = {}
    for item in items:
        if item.outline is not None:
            tree = Subtrees(item.outline, [((), 0)], judge, known)
            if tree.whole is not None:
                places, _ = found.setdefault(tree.whole, ([], tree.leaves[0]))
                places.append(Place(item.name, ()))
    return found


def _wide(outline: Outline, roots: list[tuple[Keypath, int]]) -> list[tuple[Keypath, int]]:
    """The containers with several members: if there is only one, its own name says more."""
    children = children_of(outline)
    return [(at, node) for at, node in roots if children[node][2] - children[node][1] > 1]


def _paired(
    old: Subtrees, new: Subtrees, signature: int
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pair the subtrees with one number; returns the pairs and the rest of each side."""
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
    """The ways in which keypaths are compared; None equals nothing."""
    for length in _ENDS:
        yield partial(_end, length)
    for length in (*_ENDS, 0):
        yield partial(_end_with_numbers, length)
    yield _container


def _end(length: int, keypath: Keypath) -> Words | None:
    return tuple(map(str, keypath[-length:])) if len(keypath) >= length else None


def _end_with_numbers(length: int, keypath: Keypath) -> Words | None:
    found = (digits for entry in keypath for digits in _NUMBER.findall(str(entry)))
    # Python does not convert numbers of thousands of digits, and they are not real counters.
    numbers = tuple(int(digits) if len(digits) <= LONGEST_NUMBER else digits for digits in found)
    end = tuple(map(str, keypath[-length:])) if length else ()
    return (numbers, *end) if numbers and len(keypath) >= length else None


def _container(keypath: Keypath) -> Words | None:
    return tuple(map(str, keypath[:-1])) if keypath else None


def _unique(found: Iterator[tuple[Words | None, int]]) -> dict[Words, int]:
    """The places whose words are unique."""
    places: dict[Words, int] = {}
    repeated: set[Words] = set()
    for words, place in found:
        if words is None:
            continue
        if words in places:
            repeated.add(words)
        places[words] = place
    return {words: place for words, place in places.items() if words not in repeated}
