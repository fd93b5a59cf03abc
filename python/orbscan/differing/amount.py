"""By how much the values of two leaves differ. Pure: plain values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from orbscan.showing.text import counted

if TYPE_CHECKING:
    from orbscan.differing.leaf import LeafSummary
    from orbscan.differing.side import Item

VALUES = "values"
"""The word for leaves and checkpointables whose values differ."""

_SHOWN_TEXT = 40


class Amount(NamedTuple):
    """The result of comparing the values of one leaf.

    NaN is equal to NaN, and 0.0 to -0.0.

    Attributes:
        differing: how many elements differ.
        elements: how many were compared; for typed PRNG keys, each key is one.
        max_abs: the largest absolute difference, an integer between integers; None if no numbers
            differ.
        max_rel: the largest difference relative to the greater of the two magnitudes.
        only_nan: how many elements are NaN only on the first side, and only on the second. They
            differ, but do not count for the largest differences.
        before: the value itself of a scalar or string; None for anything else.
        after: likewise, on the second side.
        decoded: whether elements were compared; otherwise the stored bytes are equal.
        not_compared: why values could not be compared, all of them or some; None if all were.
    """

    differing: int = 0
    elements: int = 0
    max_abs: float | None = None
    max_rel: float | None = None
    only_nan: tuple[int, int] = (0, 0)
    before: bool | float | complex | str | None = None
    after: bool | float | complex | str | None = None
    decoded: bool = False
    not_compared: str | None = None

    @property
    def share(self) -> float:
        """The share of the elements that differ."""
        return self.differing / self.elements if self.elements else 0.0

    def __str__(self) -> str:
        """Show it.

        >>> str(Amount(3, 8, 0.25, 0.5, (0, 1)))
        'values of 3 of 8 elements (37.5%), by at most 0.25 (relative 0.5), 1 NaN in b alone'
        >>> str(Amount(1, 1, 500, 0.33, before=1000, after=1500))
        'value 1000 -> 1500'
        >>> str(Amount(not_compared="b: has no values"))
        'values not compared: b: has no values'
        """
        parts = []
        if self.differing and self.before is not None and self.after is not None:
            parts.append(f"value {short(self.before)} -> {short(self.after)}")
        elif self.differing:
            parts.append(self._differing())
        if self.not_compared is not None:
            parts.append(f"values not compared: {self.not_compared}")
        return ", ".join(parts)

    def _differing(self) -> str:
        text = f"values of {self.differing:,} of {self.elements:,} elements"
        text += f" ({100 * self.share:.3g}%)"
        if self.max_abs is not None and self.max_rel is not None:
            text += f", by at most {self.max_abs:.3g} (relative {self.max_rel:.3g})"
        for count, side in zip(self.only_nan, "ab", strict=True):
            if count:
                text += f", {count:,} NaN in {side} alone"
        return text


class Compared(NamedTuple):
    """How many leaves of both sides were compared by their values.

    Attributes:
        same: leaves with equal values.
        as_stored: those among them whose stored bytes are equal, so that none was decoded.
        differing: leaves with different values.
        not_compared: leaves with values that could not be compared, whether or not others differ.
        other_shape: leaves with another shape or kind, whose values cannot be compared one by one.
    """

    same: int
    as_stored: int
    differing: int
    not_compared: int
    other_shape: int

    def __str__(self) -> str:
        """Show it.

        >>> str(Compared(3, 1, 2, 1, 0))
        '3 leaves the same, 2 differ, 1 not compared'
        """
        parts = [f"{counted(self.same, 'leaf', 'leaves')} the same"]
        if self.differing:
            parts.append(f"{self.differing:,} differ{'s' if self.differing == 1 else ''}")
        if self.not_compared:
            parts.append(f"{self.not_compared:,} not compared")
        if self.other_shape:
            parts.append(f"{self.other_shape:,} of another shape or kind")
        return ", ".join(parts)


class Leaf(NamedTuple):
    """A leaf whose values are compared.

    Attributes:
        item: its checkpointable.
        node: its node in the outline.
        summary: what is known of it.
    """

    item: Item
    node: int
    summary: LeafSummary

    @property
    def is_key(self) -> bool:
        """Whether it consists of typed PRNG keys."""
        return (self.summary.dtype or "").startswith("key<")


class Progress(NamedTuple):
    """The progress of a comparison.

    Attributes:
        nbytes: bytes of elements of the first side that were compared, or known to be equal.
        leaves: leaves that were compared.
    """

    nbytes: int
    leaves: int


class Comparer(Protocol):
    """Compares values, wherever they are stored."""

    def leaf(self, before: Leaf, after: Leaf) -> Amount:
        """Compare the values of two leaves of one shape."""

    def documents(self, before: Item, after: Item) -> tuple[bool | None, str | None]:
        """Compare two checkpointables that are not pytrees.

        Returns whether they are equal, None if that cannot be determined; and where they differ, or
        why it cannot.
        """


def short(value: object) -> str:
    """Show a value, cut to a maximum length."""
    text = repr(value)
    return text if len(text) <= _SHOWN_TEXT else f"{text[: _SHOWN_TEXT - 1]}…"
