"""Pictures of a page: one view as SVG, for a slide or a README.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.drawing.svg import FAINT, Picture
from orbscan.drawing.tiles import LEGEND, Tile, draw_legend, draw_treemap, legend_lines
from orbscan.reporting.grid import draw_mesh
from orbscan.reporting.steps import draw_steps
from orbscan.showing.keypaths import joined
from orbscan.showing.text import counted, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.aliases import View
    from orbscan.drawing.treemap import Cell
    from orbscan.reporting.checkpoint import CheckpointPage
    from orbscan.reporting.comparison import ComparisonPage
    from orbscan.reporting.explorer import Explorer
    from orbscan.reporting.facts import Fact
    from orbscan.reporting.overview import Overview

TREEMAP, MESH, STEPS = "treemap", "mesh", "steps"

_WIDTH, _HEIGHT = 1200, 620
_MARGIN = 20
_HEAD = 64
_MOST = 1_500
_FIRST = ("leaves", "parameters", "elements", "in memory", "mesh", "checkpoints", "on disk")


def of_checkpoint(page: CheckpointPage, view: View | None) -> str:
    """Draw a view of a checkpoint; by default the treemap.

    Raises:
        ValueError: there is no such view of it.
    """
    if view == STEPS:
        message = "one checkpoint has no steps over time: its views are treemap and mesh"
        raise ValueError(message)
    inner = _WIDTH - 2 * _MARGIN
    if view == MESH:
        return draw_mesh(page.title, page.explorer, _WIDTH, _MARGIN)
    explorer = page.explorer
    entries = _legend(explorer)
    tall = _HEAD + _HEIGHT + 14 + LEGEND * legend_lines(entries, inner) + _MARGIN
    picture = Picture(_WIDTH, tall, f"Treemap of {page.title}")
    _write_head(picture, page.title, _told(page.facts))
    picture.move(_MARGIN, _HEAD)
    _draw(picture, explorer, inner, _HEIGHT)
    draw_legend(picture, entries, _HEIGHT + 14, inner)
    return str(picture)


def of_comparison(page: ComparisonPage, view: View | None) -> str:
    """Draw both treemaps of a comparison.

    Raises:
        ValueError: there is no such view of it.
    """
    if view not in {TREEMAP, None}:
        message = "two checkpoints that are compared have one view: treemap"
        raise ValueError(message)
    wide = (_WIDTH - 3 * _MARGIN) // 2
    legends = [_legend(side.explorer) for side in page.sides]
    lines = max(legend_lines(entries, wide) for entries in legends)
    height = wide * 3 // 4
    tall = _HEAD + 24 + height + 14 + LEGEND * lines + _MARGIN
    picture = Picture(_WIDTH, tall, f"Treemaps of {page.title}")
    found = next((text for label, text in page.header if label == "found"), "")
    _write_head(picture, page.title, found)
    for number, (side, entries) in enumerate(zip(page.sides, legends, strict=True)):
        picture.move(_MARGIN + number * (wide + _MARGIN), _HEAD)
        picture.text(0, 14, f"{side.letter} · {side.path} · {side.held}", size=13, room=wide)
        picture.move(_MARGIN + number * (wide + _MARGIN), _HEAD + 24)
        _draw(picture, side.explorer, wide, height)
        draw_legend(picture, entries, height + 14, wide)
    return str(picture)


def of_overview(overview: Overview, pages: Sequence[CheckpointPage], view: View | None) -> str:
    """Draw a view of many checkpoints; by default the steps of the largest run.

    Raises:
        ValueError: there is no such view of them.
    """
    if view in {STEPS, None}:
        told = _told(overview.facts)
        return draw_steps(overview.title, told, overview.runs, _WIDTH, _MARGIN)
    if not pages:
        message = f"no checkpoint here has leaves to draw: there is no {view}"
        raise ValueError(message)
    # The first is the newest of the largest run.
    return of_checkpoint(pages[0], view)


def _write_head(picture: Picture, title: str, told: str) -> None:
    room = _WIDTH - 2 * _MARGIN
    picture.text(_MARGIN, 30, title, size=20, bold=True, room=room)
    picture.text(_MARGIN, 51, told, size=13, ink=FAINT, room=room)


def _told(facts: Sequence[Fact]) -> str:
    return " · ".join(f"{fact.label} {fact.text}" for fact in facts if fact.label in _FIRST)


def _legend(explorer: Explorer) -> list[tuple[str, str, str]]:
    way = next(each for each in explorer.colourings if each.name == explorer.first)
    return [
        (each.label, each.paint, size(each.memory))
        for each in way.categories
        if each.memory or each.paint == "unreadable"
    ]


def _draw(picture: Picture, explorer: Explorer, width: int, height: int) -> None:
    nodes = explorer.nodes
    way = next(each for each in explorer.colourings if each.name == explorer.first)

    def tile_of(cell: Cell) -> Tile:
        node = nodes[cell.nodes[-1]]
        label = joined([nodes[at].label for at in cell.nodes])
        if cell.gathered:
            leaves = counted(sum(nodes[at].leaves for at in cell.gathered), "leaf", "leaves")
            amount = size(sum(nodes[at].memory for at in cell.gathered))
            return Tile(f"… {leaves}", amount, f"{label}: {leaves}, {amount}", None)
        times = f" x{node.count:,}" if node.count > 1 else ""
        kind = explorer.kinds[cell.nodes[-1]]
        number = way.of_nodes[cell.nodes[-1]]
        paint = None if cell.is_container or number < 0 else way.categories[number].paint
        what = counted(node.leaves, "leaf", "leaves") if kind is None else f"{kind.type}"
        title = f"{label}{times}, {what}, {size(node.memory)}"
        return Tile(f"{label}{times}", size(node.memory), title, paint)

    parents = [node.parent for node in nodes]
    draw_treemap(
        picture, parents, [node.memory for node in nodes], tile_of, width, height, most=_MOST
    )
