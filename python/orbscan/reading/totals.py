"""Sums over the leaves of a checkpoint."""

from __future__ import annotations

from collections import Counter
from itertools import compress

from orbscan._imports import importing
from orbscan.reading.facts import distinct
from orbscan.showing.text import NSECS_PER_SEC, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan import _core
    from orbscan.reading.facts import Leaf


def element_type(leaf: Leaf) -> str:
    """Return the element type of an array or scalar; for a PRNG key `key<threefry2x32>`."""
    return f"{leaf.dtype}" if leaf.prng_impl is None else f"key<{printable(leaf.prng_impl)}>"


def element_types(found: Iterable[tuple[Leaf, int]]) -> dict[str, tuple[int, int]]:
    """Count the leaves and bytes of each element type, the one with the most bytes first.

    Args:
        found: leaves, and how often each occurs.
    """
    tally: dict[str, tuple[int, int]] = {}
    for leaf, times in found:
        if leaf.dtype is not None and times:
            key = element_type(leaf)
            count, amount = tally.get(key, (0, 0))
            tally[key] = (count + times, amount + times * leaf.nbytes)
    return dict(sorted(tally.items(), key=lambda item: (-item[1][1], item[0])))


def commit_nsecs(checkpoint: _core.Checkpoint) -> int | None:
    """Return when a checkpoint was committed; Orbax gives the time of safetensors in seconds."""
    stored = checkpoint.commit_timestamp_nsecs
    if stored is not None and checkpoint.layout == "safetensors":
        return stored * NSECS_PER_SEC
    return stored


def parameter_nodes(trees: list[tuple[str | None, _core.LeafTable]]) -> list[bytes]:
    """Return for each node of trees with names whether it belongs to the parameters: 1 or 0."""
    with importing:
        from orbscan import _core

    columns = [(name, table.node_keys, table.containers) for name, table in trees]
    return _core.parameter_nodes(columns)


class Totals:
    """The sums over the trees of a checkpoint.

    Attributes:
        leaves: the number of leaves.
        parameters: the elements of the arrays that are parameters.
        elements: the elements of all arrays, except PRNG keys.
        nbytes: the bytes of all elements in memory.
    """

    __slots__ = ("elements", "leaves", "nbytes", "parameters")

    def __init__(self, trees: list[tuple[str | None, _core.LeafTable]]) -> None:
        self.leaves = self.parameters = self.elements = self.nbytes = 0
        for (_, table), marks in zip(trees, parameter_nodes(trees), strict=True):
            times = Counter(table.node_leaves)
            marked = Counter(compress(table.node_leaves, marks))
            for number, leaf in enumerate(distinct(table)):
                self.leaves += times[number]
                self.parameters += marked[number] * leaf.elements
                self.elements += times[number] * leaf.elements
                self.nbytes += times[number] * leaf.nbytes


def totals(checkpoint: _core.Checkpoint) -> Totals | None:
    """Sum up a checkpoint; None if it is not a pytree."""
    trees = [(name, table) for name, table in checkpoint.items if table is not None]
    return Totals(trees) if trees else None


def duration_nsecs(checkpoint: _core.Checkpoint) -> int | None:
    """Return how long it took to save a checkpoint; None if it is not recorded."""
    begun, ended = checkpoint.init_timestamp_nsecs, commit_nsecs(checkpoint)
    return None if begun is None or ended is None else ended - begun
