"""Which chunks a part of an array overlaps. All of it factorises over the dimensions.

A part is a box, and so is the set of chunks that it overlaps: their number is the product of the
numbers along each dimension, which depend only on the length, the chunk and the number of parts.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Span: TypeAlias = tuple[int, int]
"""The chunks from one number up to, but not including, another."""

Cell: TypeAlias = tuple[int, ...]
"""A part of an array: its number along each dimension that is split."""


@lru_cache(maxsize=4096)
def spans(length: int, chunk: int, parts: int) -> tuple[Span, ...]:
    """Find the chunks that each of the equal parts of a dimension overlaps.

    Args:
        length: the length of the dimension, in elements; `parts` divides it.
        chunk: the length of a chunk, in elements.
        parts: the number of parts.

    >>> spans(12, 4, 2)
    ((0, 2), (1, 3))
    """
    part = length // parts
    if not part:
        return ((0, 0),) * parts
    return tuple(
        (start // chunk, (start + part - 1) // chunk + 1) for start in range(0, length, part)
    )


class CellSets:
    """Sets of cells of one grid, for which the distinct chunks are counted.

    Most sets consist of every combination of some numbers along each dimension. Their chunks are
    counted dimension by dimension, once for all sets with the same numbers along it.
    """

    def __init__(self, sets: Sequence[frozenset[Cell]]) -> None:
        """Separate the sets that are such a box from those that are not."""
        dimensions = len(next(iter(sets[0])))
        self._numbers: list[dict[tuple[int, ...], int]] = [{} for _ in range(dimensions)]
        self._boxes: list[tuple[int, ...]] = []
        self._others: dict[int, frozenset[Cell]] = {}
        for position, cells in enumerate(sets):
            along = [tuple(sorted(set(numbers))) for numbers in zip(*cells, strict=True)]
            if prod(map(len, along)) != len(cells):
                self._others[position] = cells
            rows = zip(self._numbers, along, strict=True)
            self._boxes.append(tuple(known.setdefault(row, len(known)) for known, row in rows))

    def distinct_chunks(self, dimensions: Sequence[tuple[Span, ...]]) -> list[int]:
        """Count for each set the chunks that at least one of its cells overlaps.

        Args:
            dimensions: the spans of each dimension, as `spans` returns them.
        """
        unions = [
            [_union(numbers, all_spans) for numbers in known]
            for known, all_spans in zip(self._numbers, dimensions, strict=True)
        ]
        counts = [1] * len(self._boxes)
        for dimension, union in enumerate(unions):
            counts = [
                count * union[box[dimension]]
                for count, box in zip(counts, self._boxes, strict=True)
            ]
        for position, cells in self._others.items():
            counts[position] = _covered(cells, dimensions)
        return counts


def _union(numbers: Iterable[int], all_spans: tuple[Span, ...]) -> int:
    """Count the chunks along one dimension; spans increase with the number of the part."""
    count = reached = 0
    for number in numbers:
        low, high = all_spans[number]
        if high > reached:
            count += high - max(low, reached)
            reached = high
    return count


def _covered(cells: Iterable[Cell], dimensions: Sequence[tuple[Span, ...]]) -> int:
    """Count the chunks of a set of cells in no particular order.

    Cuts the first dimension wherever a span begins or ends. Between two cuts the same cells are
    overlapped everywhere, and the other dimensions decide.
    """
    if not dimensions:
        return 1
    first, rest = dimensions[0], dimensions[1:]
    by_number: dict[int, list[Cell]] = {}
    for number, *others in cells:
        by_number.setdefault(number, []).append(tuple(others))
    cuts = sorted({edge for number in by_number for edge in first[number]})
    count = 0
    for low, high in pairwise(cuts):
        touched = {
            cell
            for number, others in by_number.items()
            if first[number][0] <= low < first[number][1]
            for cell in others
        }
        if touched:
            count += (high - low) * _covered(touched, rest)
    return count
