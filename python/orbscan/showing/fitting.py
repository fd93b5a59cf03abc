"""Tables that fit a width: which columns give way, in which order.

All tables of the command line are made here. Without a width (a pipe, a file, `--wide`, Python)
nothing is cut. Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.showing.text import padded, width, widths_of

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import TypeAlias

    Gives: TypeAlias = tuple[str | int, int]
    """A column, by its heading or number, and the width to which its cells may be cut; with 0 the
    whole column is left out."""

ELLIPSIS = "…"
_BETWEEN = 2


class Fitting:
    """Fits the tables of one report to a width.

    Attributes:
        width: in columns of a terminal; None for tables as wide as they are.
        mark: the text in place of what was cut.
        left_out: the headings of the columns that did not fit, each once.
    """

    __slots__ = ("left_out", "mark", "width")

    def __init__(self, width: int | None = None, mark: str = ELLIPSIS) -> None:
        self.width = width
        self.mark = mark
        self.left_out: list[str] = []

    def rows(
        self,
        rows: Iterable[tuple[str, ...]],
        *,
        right: Collection[int],
        gives: Sequence[Gives],
        indent: int = 0,
    ) -> Iterable[list[tuple[int, str]]]:
        """Pad the cells of a table as `text.padded` does, and fit it to the width.

        Args:
            rows: the texts, which are iterated twice; the first row is the heading.
            right: the columns that are aligned to the right.
            gives: what gives way, in this order, until the rest fits.
            indent: the text before each row.
        """
        natural = widths_of(rows)
        if self.width is None or _total(natural) <= self.width - indent:
            return padded(rows, natural, right=right)
        heading = next(iter(rows))
        room = self.width - indent
        steps = [
            (heading.index(at) if isinstance(at, str) else at, least)
            for at, least in gives
            if not isinstance(at, str) or at in heading
        ]
        kept = _narrowed(natural, steps, room)
        # Columns that were cut before another was left out have space again.
        widths = _narrowed({at: natural[at] for at in kept}, steps, room)
        self._note(heading[at] for at in natural if at not in widths)
        if _total(widths) > room:
            share = max((room - _BETWEEN * (len(widths) - 1)) // len(widths), 1)
            widths = {at: min(of_column, share) for at, of_column in widths.items()}
        fitting = [
            tuple(
                cut(text, widths[at], self.mark) if at in widths else ""
                for at, text in enumerate(row)
            )
            for row in rows
        ]
        return padded(fitting, widths_of(fitting), right=right)

    def _note(self, headings: Iterable[str]) -> None:
        self.left_out += [name for name in headings if name and name not in self.left_out]

    def columns(
        self,
        rows: Sequence[tuple[str, ...]],
        *,
        right: Collection[int],
        gives: Sequence[Gives],
        indent: int = 0,
    ) -> list[str]:
        """Fit rows as `rows` does, and join their cells.

        >>> table = [("LEAF", "SIZE"), ("params/embedding", "4 B")]
        >>> Fitting(14).columns(table, right={1}, gives=[("LEAF", 4)])
        ['LEAF      SIZE', 'para…ing   4 B']
        """
        fitting = self.rows(rows, right=right, gives=gives, indent=indent)
        return ["  ".join(cell for _, cell in line) for line in fitting]

    def note(self) -> list[str]:
        """Say which columns did not fit: a line, or nothing if all did."""
        if not self.left_out:
            return []
        note = f"not shown: {', '.join(self.left_out)}; --wide shows all"
        return [note if self.width is None else cut(note, self.width, self.mark)]


def _narrowed(
    widths: dict[int, int], steps: Iterable[tuple[int, int]], room: int
) -> dict[int, int]:
    """Let columns give way, one step after the other, until they fit or nothing gives way."""
    widths = dict(widths)
    for at, least in steps:
        over = _total(widths) - room
        if over <= 0:
            break
        if at not in widths:
            continue
        if least:
            widths[at] = min(widths[at], max(least, widths[at] - over))
        elif len(widths) > 1:
            del widths[at]
    return widths


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + _BETWEEN * (len(widths) - 1)


def cut(text: str, most: int, mark: str = ELLIPSIS) -> str:
    """Cut a text in the middle, so that it takes at most this many columns of a terminal.

    >>> cut("params/layers/kernel", 11), cut("kernel", 6), cut("重みの名前", 7)
    ('param…ernel', 'kernel', '重み…前')
    """
    if width(text) <= most:
        return text
    room = most - width(mark)
    if room < 0:
        return _head(text, most)
    end = _tail(text, room // 2)
    return f"{_head(text, room - width(end))}{mark}{end}"


def _head(text: str, most: int) -> str:
    taken = 0
    for at, character in enumerate(text):
        taken += width(character)
        if taken > most:
            return text[:at]
    return text


def _tail(text: str, most: int) -> str:
    return _head(text[::-1], most)[::-1]
