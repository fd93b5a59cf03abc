"""The steps of a run over time as a picture: charts, and the steps that are not whole.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from math import ceil

from orbscan.drawing import lines
from orbscan.drawing.palette import CATEGORIES, LOST
from orbscan.drawing.svg import FAINT, LINE, PANEL, Picture

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.reporting.runs import Chart, Run

_HEAD = 64
_COLUMNS = 2
_MOST = 6
_BESIDE = 8
_TALL = lines.HEIGHT + 62
_FEW = 100
_BAD = frozenset({"broken", "incomplete", "unreadable", "damaged"})


def draw_steps(title: str, told: str, runs: Sequence[Run], width: int, margin: int) -> str:
    """Draw the largest run with amounts that are known over several steps.

    Raises:
        ValueError: there is none.
    """
    run = next((each for each in runs if each.charts), None)
    if run is None:
        message = "no run here has two steps that can be compared: there are no steps to draw"
        raise ValueError(message)
    charts = run.charts[:_MOST]
    height = _HEAD + ceil(len(charts) / _COLUMNS) * _TALL + margin
    picture = Picture(width, height, f"Steps of {run.path}")
    name = title if len(runs) == 1 else f"{title}: {run.path}"
    picture.text(margin, 30, name, size=20, bold=True, room=width - 2 * margin)
    picture.text(margin, 51, told, size=13, ink=FAINT, room=width - 2 * margin)
    wide = (width - (_COLUMNS + 1) * margin) // _COLUMNS
    for number, chart in enumerate(charts):
        row, column = divmod(number, _COLUMNS)
        picture.move(margin + column * (wide + margin), _HEAD + row * _TALL)
        _draw(picture, run, chart, wide)
    return str(picture)


def _draw(picture: Picture, run: Run, chart: Chart, wide: int) -> None:
    scale = (wide - 2 * _BESIDE) / lines.WIDTH
    top = 22
    picture.text(0, 14, chart.label, size=13, bold=True)
    picture.rectangle(0, top, wide, lines.HEIGHT + 2 * _BESIDE, PANEL)
    bottom = top + lines.HEIGHT + 2 * _BESIDE
    picture.line(f"0,{bottom} {wide},{bottom}", LINE)
    for across, state, _ in run.marks:
        x = _BESIDE + across * scale
        ink = LOST if state in _BAD else FAINT
        picture.line(f"{x:.1f},{top} {x:.1f},{bottom}", ink, dashes="3 4", width=1.5)
    places = [
        None if point is None else (_BESIDE + point[0] * scale, top + _BESIDE + point[1])
        for point in chart.line.points
    ]
    pieces: list[list[str]] = [[]]
    for place in places:
        if place is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{place[0]:.1f},{place[1]:.1f}")
    for piece in pieces:
        if len(piece) > 1:
            picture.line(" ".join(piece), CATEGORIES[0], width=2)
    radius = 3.5 if len(places) <= _FEW else 1.5
    for row, text, place in zip(run.stepped, chart.texts, places, strict=True):
        if place is not None:
            picture.dot(*place, radius, CATEGORIES[0], f"{row.name}: {text}")
    first, last = run.stepped[0].step, run.stepped[-1].step
    picture.text(0, bottom + 16, chart.span, ink=FAINT)
    picture.text(wide, bottom + 16, f"steps {first} to {last}", ink=FAINT, anchor="end")
