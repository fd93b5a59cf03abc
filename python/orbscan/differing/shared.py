"""The values of leaves that both sides have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.differing.amount import VALUES, Compared, Leaf
from orbscan.differing.changes import UNREADABLE, LeafChange

if TYPE_CHECKING:
    from orbscan.differing.amount import Amount, Comparer
    from orbscan.differing.leaf import LeafSummary
    from orbscan.differing.side import Item
    from orbscan.differing.walk import Found

_WITHOUT = frozenset(
    {
        kinds.NONE,
        kinds.EMPTY_DICT,
        kinds.EMPTY_LIST,
        kinds.EMPTY_TUPLE,
        kinds.EMPTY_NAMEDTUPLE,
        kinds.UNREADABLE,
    }
)
"""The kinds of leaves that have no values, or none that can be read."""


class SharedValues:
    """Compares the values of leaves, tree by tree, and counts the results."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._same = self._as_stored = self._differing = self._not_compared = 0
        self._other_shape = 0

    def added_to(self, found: Found, before: Item, after: Item) -> Found:
        """Add the differences of values to those of two trees."""
        one, two = before.outline, after.outline
        if one is None or two is None:
            return found
        changed: list[LeafChange] = []
        for keypath, node, other, what in found.shared:
            leaf = Leaf(before, node, one.leaves[one.node_leaves[node]])
            other_leaf = Leaf(after, other, two.leaves[two.node_leaves[other]])
            amount = self._amount(leaf, other_leaf)
            words = what if amount is None else (*what, *_words(amount))
            if words:
                summaries = leaf.summary, other_leaf.summary
                changed.append(LeafChange(before.name, keypath, words, *summaries, amount))
        unchanged = len(found.shared) - len(changed)
        return found._replace(changed=changed, shared=[], unchanged=unchanged)

    def counts(self) -> Compared:
        """Return how many leaves were compared."""
        return Compared(
            self._same,
            self._as_stored,
            self._differing,
            self._not_compared,
            self._other_shape,
        )

    def _amount(self, before: Leaf, after: Leaf) -> Amount | None:
        if before.summary.kind in _WITHOUT or after.summary.kind in _WITHOUT:
            return None
        if not _alike(before.summary, after.summary) or before.is_key != after.is_key:
            self._other_shape += 1
            return None
        amount = self._comparer.leaf(before, after)
        self._differing += amount.differing > 0
        self._not_compared += amount.not_compared is not None
        if not _words(amount):
            self._same += 1
            self._as_stored += not amount.decoded
        return amount


def _alike(before: LeafSummary, after: LeafSummary) -> bool:
    """Whether both have elements in the same places."""
    of_text = (before.kind == kinds.STRING, after.kind == kinds.STRING)
    return before.shape == after.shape and of_text[0] == of_text[1]


def _words(amount: Amount) -> tuple[str, ...]:
    differing = (VALUES,) if amount.differing else ()
    return (*differing, UNREADABLE) if amount.not_compared is not None else differing
