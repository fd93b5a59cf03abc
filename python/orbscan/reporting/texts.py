"""Texts and numbers in a page: each text once, and only numbers that a browser keeps exactly.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

_EXACT = 1 << 53
_LARGEST = 1e308


class Texts:
    """Texts that are referred to by numbers.

    >>> texts = Texts()
    >>> [texts.number(each) for each in ("a", "b", "a")], texts.every
    ([0, 1, 0], ['a', 'b'])
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text."""
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def every(self) -> list[str]:
        """All texts in the order of their numbers."""
        return [*self._numbers]


def weight(number: int) -> int | float:
    """Return a number of bytes that a browser can compare: rounded beyond 2^53.

    >>> weight(7), weight(1 << 60), weight(1 << 2_000)
    (7, 1.152921504606847e+18, 1e+308)
    """
    if number <= _EXACT:
        return number
    try:
        return float(number)
    except OverflowError:
        return _LARGEST


def column(values: list[int | float]) -> list[int | float] | int | float:
    """Return the values of a column; only one value if all are equal.

    >>> column([1, 2]), column([7, 7])
    ([1, 2], 7)
    """
    return values[0] if values and len({*values}) == 1 else values
