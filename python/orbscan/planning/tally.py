"""Sums up what each device and host holds and reads, for all arrays that are split alike.

No step visits an array and a device together: arrays are counted for the cells of a grid, which has
a cell for each distinct part, and cells are assigned to devices once, at the end.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from orbscan.planning.chunks import CellSets, spans

if TYPE_CHECKING:
    from orbscan.planning.array import Array
    from orbscan.planning.chunks import Cell, Span
    from orbscan.planning.fit import Split
    from orbscan.planning.mesh import Mesh


class Cost:
    """The cost of restoring one array: the fields of a `LeafPlan`."""

    __slots__ = ("copies", "held", "nbytes", "on", "read", "read_max", "read_min")

    def __init__(self, array: Array, on: str, copies: int, held: int, reads: list[int]) -> None:
        """Describe the cost.

        Args:
            array: the array to restore.
            on: `device` or `host`.
            copies: how many times the whole array is held.
            held: bytes that each device or host holds.
            reads: bytes that a device or host reads, for each distinct part, of one copy.
        """
        self.nbytes = array.nbytes
        self.on = on
        self.copies = copies
        self.held = held
        self.read = copies * sum(reads)
        self.read_min = min(reads)
        self.read_max = max(reads)

    def fields(self) -> tuple[int, str, int, int, int, int, int]:
        """Return the fields of a `LeafPlan`, except the keypath."""
        return (
            self.nbytes,
            self.on,
            self.copies,
            self.held,
            self.read,
            self.read_min,
            self.read_max,
        )


class Grid:
    """The parts of all arrays whose dimensions are split by the same axes, in the same order."""

    def __init__(self, mesh: Mesh, split: Split) -> None:
        """Lay the grid over a mesh.

        Args:
            mesh: the devices.
            split: the axes that split each dimension, without dimensions that are not split.
        """
        self._mesh = mesh
        lengths = [length for _, length in mesh.axes]
        self._parts = [prod(lengths[axis] for axis in axes) for axes in split]
        cells = [_cell(mesh.coordinates(device), split, lengths) for device in range(mesh.devices)]
        each = mesh.devices_per_host
        per_host = [
            frozenset(cells[first : first + each]) for first in range(0, mesh.devices, each)
        ]
        distinct = {held: number for number, held in enumerate(dict.fromkeys(per_host))}
        self._cell_sets = CellSets([*distinct])
        self._set_of_host = [distinct[held] for held in per_host]
        numbers = {cell: number for number, cell in enumerate(product(*map(range, self._parts)))}
        self._numbers = [numbers[cell] for cell in cells]
        self._held = 0
        self._reads = [0] * len(numbers)
        self._set_reads = [0] * len(distinct)

    def add(self, array: Array, split: Split, times: int) -> Cost:
        """Count an array that occurs several times."""
        dimensions: list[tuple[Span, ...]] = []
        # What all parts share: the bytes of a chunk, and the chunks along unsplit dimensions.
        alike = array.chunk_nbytes
        parts = iter(self._parts)
        for length, chunk, axes in zip(array.shape, array.chunk, split, strict=True):
            if axes:
                dimensions.append(spans(length, chunk, next(parts)))
            else:
                alike *= -(-length // chunk)
        reads = [alike]
        for along in dimensions:
            reads = [count * (high - low) for count in reads for low, high in along]
        held = array.nbytes // len(reads)
        self._held += times * held
        self._reads = [total + times * read for total, read in zip(self._reads, reads, strict=True)]
        distinct = self._cell_sets.distinct_chunks(dimensions)
        self._set_reads = [
            total + times * alike * count
            for total, count in zip(self._set_reads, distinct, strict=True)
        ]
        return Cost(array, "device", self._mesh.devices // len(reads), held, reads)

    def of_devices(self) -> list[tuple[int, int]]:
        """Bytes held and bytes read, for each device."""
        return [(self._held, self._reads[number]) for number in self._numbers]

    def of_hosts(self) -> list[tuple[int, int]]:
        """Bytes held and bytes read, for each host."""
        held = self._held * self._mesh.devices_per_host
        return [(held, self._set_reads[number]) for number in self._set_of_host]


def whole(array: Array, hosts: int) -> Cost:
    """Return the cost of restoring a whole array on each host."""
    chunks = prod(
        -(-length // chunk) for length, chunk in zip(array.shape, array.chunk, strict=True)
    )
    return Cost(array, "host", hosts, array.nbytes, [chunks * array.chunk_nbytes])


def _cell(coordinates: tuple[int, ...], split: Split, lengths: list[int]) -> Cell:
    """The part that a device holds: its number along each dimension that is split."""
    cell = []
    for axes in split:
        number = 0
        # The first axis of a dimension varies slowest, as in jax.
        for axis in axes:
            number = number * lengths[axis] + coordinates[axis]
        cell.append(number)
    return tuple(cell)
