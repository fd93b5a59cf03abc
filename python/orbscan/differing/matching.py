"""Which checkpointable of one side is compared with which of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orbscan.differing import aspects
from orbscan.differing import leaf as kinds

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from orbscan.differing.side import Item, Side

REMOVED = "removed"
ADDED = "added"


class Pair(NamedTuple):
    """Two checkpointables that are compared, or one that the other side lacks.

    Attributes:
        before: of the first side; None if only the second has it.
        after: likewise.
        what: how they differ as a whole.
    """

    before: Item | None
    after: Item | None
    what: tuple[str, ...]


def pairs(before: Side, after: Side, ignore: Collection[str]) -> list[Pair]:
    """Match the checkpointables of two sides by name, in the order of the first side.

    The only pytrees of both sides match each other, whatever their names are.
    """
    if before.chosen and after.chosen:
        [this], [that] = before.items, after.items
        return [Pair(this, that, ())]
    names = {item.name for item in before.items}
    remaining = {item.name: item for item in after.items}
    only, other = _only_pytree(before), _only_pytree(after)
    alone = only is not None and only.name not in remaining
    matched: list[tuple[Item, Item | None]] = []
    for item in before.items:
        name = item.name
        if alone and item is only and other is not None and other.name not in names:
            name = other.name
        matched.append((item, remaining.pop(name, None)))
    found = [Pair(this, that, tuple(_what(this, that, ignore))) for this, that in matched]
    return found + [Pair(None, item, (ADDED,)) for item in remaining.values()]


def _only_pytree(side: Side) -> Item | None:
    pytrees = [item for item in side.items if item.is_pytree]
    return pytrees[0] if len(pytrees) == 1 else None


def _what(before: Item, after: Item | None, ignore: Collection[str]) -> Iterator[str]:
    if after is None:
        yield REMOVED
        return
    if before.error is not None or after.error is not None:
        yield kinds.UNREADABLE
    if before.name != after.name and aspects.NAME not in ignore:
        yield aspects.NAME
    if before.is_pytree != after.is_pytree and aspects.KIND not in ignore:
        yield aspects.KIND
