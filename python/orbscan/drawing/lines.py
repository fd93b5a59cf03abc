"""Amounts over steps as the points of a line.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 600, 110
"""The size of the area in which points lie."""

_ROOM = 0.08


class Line(NamedTuple):
    """Amounts as the points of a line.

    Attributes:
        points: the position of each, None if it is not known; from the left, and from the top.
        low, high: the amounts at the bottom and at the top.
    """

    points: list[tuple[float, float] | None]
    low: float
    high: float

    @property
    def pieces(self) -> list[str]:
        """The lines between consecutive points, as SVG has them.

        >>> line([0, 1, 2, 3], [1.0, 1.0, None, 1.0]).pieces
        ['0.0,55.0 200.0,55.0']
        """
        pieces: list[list[str]] = [[]]
        for point in self.points:
            if point is None:
                pieces.append([])
            else:
                pieces[-1].append(f"{point[0]},{point[1]}")
        return [" ".join(piece) for piece in pieces if len(piece) > 1]


def line(steps: Sequence[int], amounts: Sequence[float | None]) -> Line:
    """Plot amounts over steps.

    Args:
        steps: increasing numbers.
        amounts: one for each step; at least one is known.

    >>> line([10, 20], [0.0, 5.0]).points
    [(0.0, 101.2), (600.0, 8.8)]
    """
    known = [amount for amount in amounts if amount is not None]
    low, high = min(known), max(known)
    return Line(
        [
            None if amount is None else (across(step, steps), round(_down(amount, low, high), 1))
            for step, amount in zip(steps, amounts, strict=True)
        ],
        low,
        high,
    )


def across(step: int, steps: Sequence[int]) -> float:
    """Return how far from the left a step lies.

    >>> across(15, [10, 20]), across(10, [10])
    (300.0, 300.0)
    """
    length = steps[-1] - steps[0]
    return round(WIDTH * (step - steps[0]) / length, 1) if length else WIDTH / 2


def _down(amount: float, low: float, high: float) -> float:
    share = (high - amount) / (high - low) if high > low else 0.5
    room = _ROOM * HEIGHT if high > low else 0
    return room + share * (HEIGHT - 2 * room)
