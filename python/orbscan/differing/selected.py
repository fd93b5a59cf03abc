"""A difference of some leaves alone, which were selected by their keypaths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from orbscan.differing import leaf as kinds
from orbscan.differing.walk import leaves_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan.aliases import Keypath
    from orbscan.differing.aspects import Judge
    from orbscan.differing.changes import AmbiguousRename, LeafAt, Place, Rename
    from orbscan.differing.matching import Pair
    from orbscan.differing.side import Item
    from orbscan.differing.walk import Found

    At = tuple[str | None, Keypath]


class Wanted(Protocol):
    """Which leaves were selected."""

    @property
    def pattern(self) -> str:
        """The pattern by which they were selected."""

    def __call__(self, name: str | None, entries: Keypath, /) -> bool:
        """Whether a leaf was selected, by the name of its checkpointable and its keypath."""


def kept(leaves: Iterable[LeafAt], wanted: Wanted | None) -> Iterator[LeafAt]:
    """Keep the leaves that were selected; None for all."""
    return (leaf for leaf in leaves if wanted is None or wanted(*leaf[:2]))


def holds(pair: Pair, wanted: Wanted) -> bool:
    """Whether one of two checkpointables has a selected leaf; unreadable ones may."""
    if kinds.UNREADABLE in pair.what:
        return True
    return any(
        any(kept(leaves_below(item.outline, [((), 0)], item.name), wanted))
        for item in (pair.before, pair.after)
        if item is not None and item.outline is not None
    )


def restricted(found: Found, before: Item, after: Item, judge: Judge, wanted: Wanted) -> Found:
    """Remove from a difference everything about other leaves that both sides have.

    Args:
        found: the difference, with all leaves that both sides have.
        before: the first tree.
        after: the second.
        judge: compared them.
        wanted: the selected leaves.
    """

    def is_wanted(keypath: Keypath) -> bool:
        return wanted(before.name, keypath) or wanted(after.name, keypath)

    one, two = before.outline, after.outline
    if one is None or two is None:
        return found
    shared = [leaf for leaf in found.shared if is_wanted(leaf[0])]
    lacking = (
        *kept(leaves_below(one, found.removed, before.name), wanted),
        *kept(leaves_below(two, found.added, after.name), wanted),
    )
    above = {
        keypath[:length]
        for keypath in (*(leaf[0] for leaf in shared), *(leaf.keypath for leaf in lacking))
        for length in range(len(keypath))
    }
    changed = [change for change in found.changed if is_wanted(change.keypath)]
    return found._replace(
        changed=changed,
        shared=shared,
        containers=[change for change in found.containers if change.keypath in above],
        unchanged=len(shared) - len(changed),
        unknown=sum(
            judge.sharding_unknown(
                one.leaves[one.node_leaves[node]], two.leaves[two.node_leaves[other]]
            )
            for _, node, other, _ in shared
        ),
    )


class Shown:
    """The selected leaves that only one side has."""

    def __init__(self, removed: Iterable[LeafAt], added: Iterable[LeafAt]) -> None:
        self._removed = _above(removed)
        self._added = _above(added)

    def has_rename(self, rename: Rename) -> bool:
        """Whether some of them are in a subtree that may have been renamed."""
        return tuple(rename.before) in self._removed or tuple(rename.after) in self._added

    def has_ambiguous(self, rename: AmbiguousRename) -> bool:
        """Whether some of them are in one of several subtrees that may have been renamed."""
        return _any(rename.before, self._removed) or _any(rename.after, self._added)


def _above(leaves: Iterable[LeafAt]) -> set[At]:
    """The places of some leaves, and all places above them."""
    return {
        (leaf.checkpointable, leaf.keypath[:length])
        for leaf in leaves
        for length in range(len(leaf.keypath) + 1)
    }


def _any(places: tuple[Place, ...], known: set[At]) -> bool:
    return any(tuple(place) in known for place in places)
