"""Which axes of the new mesh split which dimension of an array, and what prevents it."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from orbscan.showing.keypaths import keypath
from orbscan.showing.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Keypath
    from orbscan.planning.array import Array
    from orbscan.planning.mesh import Mesh

Split: TypeAlias = tuple[tuple[int, ...], ...]
"""For each dimension, the numbers of the mesh axes that split it, outermost first."""


class Problem(NamedTuple):
    """Why one dimension of an array does not fit a mesh.

    Attributes:
        keypath: the keypath of the leaf.
        dimension: its number, from 0.
        axes: the mesh axes that cannot split it.
        reason: in words.
    """

    keypath: Keypath
    dimension: int
    axes: tuple[str, ...]
    reason: str


class MeshMismatchError(ValueError):
    """The arrays of a checkpoint cannot be laid over a mesh as their partition specs say.

    The message has a line for each way in which leaves do not fit.

    Attributes:
        mesh: the mesh as text.
        problems: all of them, in the order of the leaves.
    """

    def __init__(self, mesh: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(mesh, problems)
        self.mesh = mesh
        self.problems = problems

    def __str__(self) -> str:
        leaves: dict[tuple[int, str], list[Keypath]] = {}
        for at, dimension, _, reason in self.problems:
            leaves.setdefault((dimension, reason), []).append(at)
        lines = [f"the checkpoint does not fit the mesh {printable(self.mesh)}:"]
        for (dimension, reason), (first, *others) in leaves.items():
            more = f" and {counted(len(others), 'more leaf', 'more leaves')}" if others else ""
            lines.append(f"{keypath(first)}{more}: dimension {dimension}: {reason}")
        return "\n  ".join(lines)


def fit(at: Keypath, array: Array, mesh: Mesh) -> tuple[Split, list[Problem]]:
    """Lay an array over a mesh.

    Returns:
        the axes that split each dimension, and all problems.
    """
    numbers = {name: number for number, (name, _) in enumerate(mesh.axes)}
    problems: list[Problem] = []
    split: list[tuple[int, ...]] = [()] * len(array.shape)
    used: set[str] = set()
    for dimension, axes in enumerate(array.spec):
        for blamed, reason in _objections(array, dimension, mesh, used):
            problems.append(Problem(at, dimension, blamed, reason))
        used.update(axes)
        if dimension < len(split):
            split[dimension] = tuple(numbers[axis] for axis in axes if axis in numbers)
    return tuple(split), problems


def _objections(
    array: Array, dimension: int, mesh: Mesh, used: set[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Say which axes cannot split a dimension, and why; `used` are those of earlier dimensions."""
    axes = array.spec[dimension]
    lengths, saved = dict(mesh.axes), dict(array.saved_axes)
    # An axis of one device splits nothing, so nothing is lost without it.
    missing = tuple(axis for axis in axes if axis not in lengths and saved.get(axis) != 1)
    if missing:
        yield missing, f"the mesh lacks {_named(missing)}"
    times = Counter(axes)
    twice = tuple(axis for axis in times if axis in used or times[axis] > 1)
    if twice:
        yield twice, f"{_named(twice)} cannot split an array twice"
    if axes and dimension >= len(array.shape):
        yield axes, f"split by {_named(axes)}, but the array has no such dimension"
        return
    present = [axis for axis in axes if axis in lengths]
    parts = prod(lengths[axis] for axis in present)
    if present and array.shape[dimension] % parts:
        terms = ", ".join(f"{printable(axis)}={lengths[axis]}" for axis in present)
        yield axes, f"{array.shape[dimension]} is not divisible by {parts} ({terms})"


def _named(axes: tuple[str, ...]) -> str:
    return f"{'axis' if len(axes) == 1 else 'axes'} {', '.join(map(repr, axes))}"
