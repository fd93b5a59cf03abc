"""Draws treemaps: rectangles, the texts in them, and the legend of their paints.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

from orbscan.drawing.palette import PAINTS
from orbscan.drawing.svg import FAINT, LINE, PANEL, ink_on, width_of
from orbscan.drawing.treemap import treemap

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orbscan.drawing.svg import Picture
    from orbscan.drawing.treemap import Cell

LEGEND = 20
"""The height of a line of a legend, in pixels."""

_SIZE, _LEGEND_SIZE = 11.5, 12
_LABELLED = (34, 16)
_WITH_AMOUNT = (60, 34)
_HEAD_WITH_AMOUNT = 150


class Tile(NamedTuple):
    """The content of a cell.

    Attributes:
        label: its name.
        amount: its amount, as text.
        title: its full description.
        paint: as `drawing.palette` names it; None for anything but a leaf.
    """

    label: str
    amount: str
    title: str
    paint: str | None


def draw_treemap(  # noqa: PLR0913, PLR0917 - a tree and a place
    picture: Picture,
    parents: Sequence[int],
    amounts: Sequence[int],
    tile_of: Callable[[Cell], Tile],
    width: int,
    height: int,
    *,
    most: int,
) -> None:
    """Draw a tree at the current place of a picture.

    Args:
        picture: the picture to draw into.
        parents: as for `treemap`.
        amounts: likewise.
        tile_of: the content of a cell.
        width: as for `treemap`.
        height: likewise.
        most: likewise.
    """
    for cell in treemap(parents, amounts, width, height, most=most):
        tile = tile_of(cell)
        if cell.is_container or tile.paint is None:
            _draw_box(picture, cell, tile)
        else:
            _draw_leaf(picture, cell, tile, tile.paint)


def draw_legend(
    picture: Picture, entries: Sequence[tuple[str, str, str]], top: int, width: int
) -> None:
    """Write labels next to their paints, with the amount of each, on lines from a height on.

    Args:
        picture: the picture to draw into.
        entries: label, paint and amount.
        top: of the first line.
        width: of all lines.
    """
    for (label, paint, amount), (left, line) in zip(entries, _places(entries, width), strict=True):
        base = top + 14 + LEGEND * line
        kept = PAINTS[paint]
        picture.rectangle(left, base - 10, 12, 12, kept.fill, is_hatched=kept.is_hatched)
        picture.text(left + 18, base, label, bold=True)
        beside = left + 24 + width_of(label, _LEGEND_SIZE, bold=True)
        picture.text(beside, base, amount, ink=FAINT)


def legend_lines(entries: Sequence[tuple[str, str, str]], width: int) -> int:
    """Count the lines of a legend.

    >>> legend_lines([("a", "c0", "1 B")] * 3, 1_000), legend_lines([("a", "c0", "1 B")] * 3, 100)
    (1, 3)
    """
    return max((line for _, line in _places(entries, width)), default=0) + 1


def _places(entries: Sequence[tuple[str, str, str]], width: int) -> Iterator[tuple[float, int]]:
    """The distance from the left, and the line, at which each entry of a legend begins."""
    left, line = 0.0, 0
    for label, _, amount in entries:
        needed = 44 + width_of(label, _LEGEND_SIZE, bold=True) + width_of(amount, _LEGEND_SIZE)
        if left and left + needed > width:
            left, line = 0.0, line + 1
        yield left, line
        left += needed


def _draw_box(picture: Picture, cell: Cell, tile: Tile) -> None:
    picture.rectangle(
        cell.left, cell.top, cell.width, cell.height, PANEL, edge=LINE, title=tile.title
    )
    if not (cell.has_head or not cell.is_container):
        return
    room = cell.width - 12
    if cell.width > _HEAD_WITH_AMOUNT:
        picture.text(
            cell.right - 6, cell.top + 13, tile.amount, size=_SIZE, ink=FAINT, anchor="end"
        )
        room -= 84
    if cell.height >= _LABELLED[1]:
        picture.text(cell.left + 6, cell.top + 13, tile.label, size=_SIZE, bold=True, room=room)


def _draw_leaf(picture: Picture, cell: Cell, tile: Tile, paint: str) -> None:
    kept = PAINTS[paint]
    picture.rectangle(
        cell.left,
        cell.top,
        cell.width,
        cell.height,
        kept.fill,
        title=tile.title,
        is_hatched=kept.is_hatched,
    )
    ink, room = ink_on(paint), cell.width - 8
    lines = [(tile.label, _LABELLED, True), (tile.amount, _WITH_AMOUNT, False)]
    for number, (text, (wide, tall), bold) in enumerate(lines):
        if cell.width >= wide and cell.height >= tall:
            base = cell.top + 13 + 15 * number
            picture.text(cell.left + 5, base, text, size=_SIZE, ink=ink, bold=bold, room=room)
