"""The colours of pictures, distinguishable also with colour vision deficiencies.

Categories have the colours of Okabe and Ito (Color Universal Design, 2008), amounts six steps of
viridis (van der Walt and Smith, 2015), whose lightness increases. The text on each colour is dark
or white, whichever has more contrast: at least 4.5 to 1, as WCAG 2.2 requires for text.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from bisect import bisect_right

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

DARK, LIGHT = "#111111", "#ffffff"

CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#56b4e9", "#d55e00", "#cc79a7", "#f0e442")
"""The colours of kinds of things, the most frequent first."""

STEPS = ("#fde725", "#7ad151", "#22a884", "#2a788e", "#414487", "#440154")
"""The colours of amounts, the least first."""

_LINEAR_UP_TO = 0.04045
"""In sRGB, a channel below this is proportional to its light."""

OTHER = "#c4c8cf"
"""The colour of things whose kind has no separate colour."""

SOUND, LOST, UNREADABLE = "#a9d6c5", "#d55e00", "#8a8f98"
"""The colours of leaves that were checked and are complete, are lost, and cannot be read."""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it.

    >>> round(contrast("#000000", "#ffffff"), 1), contrast("#777777", "#777777")
    (21.0, 1.0)
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def category(number: int) -> str:
    """Return the paint of a kind of things, given its index among them.

    >>> category(0), category(100)
    ('c0', 'other')
    """
    return f"c{number}" if number < len(CATEGORIES) else "other"


def step(amount: float, bounds: Sequence[float]) -> int:
    """Return in which of the ranges between increasing bounds an amount lies.

    >>> [step(amount, (1, 2, 4)) for amount in (0, 1, 3, 9)]
    [0, 1, 2, 3]
    """
    return bisect_right(bounds, amount)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        each / 12.92 if each <= _LINEAR_UP_TO else ((each + 0.055) / 1.055) ** 2.4
        for each in channels
    ]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


class Paint:
    """How an area is painted.

    Attributes:
        fill: its colour.
        ink: that of text upon it.
        is_hatched: whether lines run across it, so that it is seen without colours, too.
    """

    __slots__ = ("fill", "ink", "is_hatched")

    def __init__(self, fill: str, *, is_hatched: bool = False) -> None:
        self.fill = fill
        self.ink = max(DARK, LIGHT, key=lambda ink: contrast(fill, ink))
        self.is_hatched = is_hatched


PAINTS: dict[str, Paint] = {
    **{f"c{number}": Paint(fill) for number, fill in enumerate(CATEGORIES)},
    **{f"s{number}": Paint(fill) for number, fill in enumerate(STEPS)},
    "other": Paint(OTHER),
    "sound": Paint(SOUND),
    "lost": Paint(LOST, is_hatched=True),
    "unreadable": Paint(UNREADABLE, is_hatched=True),
}
"""By their names in pages and pictures."""
