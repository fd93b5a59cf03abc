"""Steps as text. Pure: facts in, a line or a table out."""

from __future__ import annotations

from orbscan.reading.metric import lines
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import moment, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from orbscan.aliases import StepState

    # Number, name of the directory, state, when the save finished, metrics.
    Facts: TypeAlias = tuple[int, str, StepState, int | None, Any]

METRICS_WIDTH = 200
"""The longest line of metrics."""


def line(path: object, facts: Facts) -> str:
    """Show a step in a line: path, state, time, metrics."""
    _, _, state, ended, metrics = facts
    words = [state, *([] if ended is None else [moment(ended)])]
    words += filter(None, lines([metrics], METRICS_WIDTH))
    return printable(f"{path}: {', '.join(words)}")


def table(steps: Sequence[Facts]) -> str:
    """Show steps as a table."""
    if not steps:
        return "no steps"
    shown = lines([metrics for *_, metrics in steps], METRICS_WIDTH)
    rows: list[tuple[str, ...]] = [("STEP", "NAME", "STATE", "COMMITTED", "METRICS")]
    for (number, name, state, ended, _), metrics in zip(steps, shown, strict=True):
        other_name = "" if name == str(number) else name
        when = "" if ended is None else moment(ended)
        rows.append(tuple(map(printable, (str(number), other_name, state, when, metrics))))
    return "\n".join(Fitting().columns(rows, right={0}, gives=()))
