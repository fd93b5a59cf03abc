"""Many checkpoints in a page: the steps of each run over time, and the disk usage of runs.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import NamedTuple, cast

from orbscan.checking.measuring import of_entry
from orbscan.differing.aspects import left_out
from orbscan.differing.columns import side_of_checkpoint
from orbscan.differing.difference import difference
from orbscan.drawing.lines import across, line
from orbscan.errors import OrbscanError
from orbscan.places import in_store_of
from orbscan.reading.metric import is_number, members
from orbscan.reading.totals import commit_nsecs, duration_nsecs, totals
from orbscan.reporting.checks import UNFINISHED, checked
from orbscan.reporting.records import Record
from orbscan.showing.keypaths import ranges
from orbscan.showing.states import state_of_entry
from orbscan.showing.text import NSECS_PER_SEC, counted, moment, printable, size, within

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from orbscan import _core
    from orbscan.aliases import Atomicity
    from orbscan.drawing.lines import Line
    from orbscan.reporting.checks import Check
    from orbscan.reporting.inputs import Fleet

    Entry: TypeAlias = _core.Entry | Record

_MEASURED = 2_000
"""The maximum number of checkpoints, the newest ones, whose disk usage is measured."""

_COMPARED = 20
"""The maximum number of changes between the trees of two steps that are described."""

_METRICS = 6
_SHOWN_MISSING = 200
_WHOLE = frozenset({"committed"})


class Row:
    """One checkpoint.

    Attributes:
        name: the name of its directory.
        path: its path.
        step: its number; None if it has none.
        state: as in `orbscan ls`.
        note: why it is in that state, if that needs an explanation.
        leaves: the number of leaves; None if it is not known.
        nbytes: their bytes in memory; None if they are not known.
        disk: the size of all files; None if that was not measured.
        took: how long the save took, in seconds; None if it is not recorded.
        committed: when it was committed, as text.
        metrics: numbers by name.
        change: how its tree differs from that of the step before it, in words.
        check: what a check of it gave; None if none was asked for.
        page: the number of its page; None if it has none.
    """

    def __init__(self, entry: Entry) -> None:
        checkpoint = cast("_core.Checkpoint | None", entry.checkpoint)
        committed = None if checkpoint is None else commit_nsecs(checkpoint)
        took = None if checkpoint is None else duration_nsecs(checkpoint)
        self.entry = entry
        self.name = printable(entry.path.rstrip("/").rpartition("/")[2] or entry.path)
        self.path = printable(entry.path)
        self.step = entry.step
        self.state = state_of_entry(cast("_core.Entry", entry))
        self.note = _note(entry)
        self.leaves, self.nbytes = _amounts(entry)
        self.disk: int | None = None
        self.took = None if took is None else took / NSECS_PER_SEC
        self.committed = "" if committed is None else moment(committed).partition(".")[0]
        self.metrics = _metrics(entry)
        self.change = ""
        self.check: Check | None = None
        self.page: int | None = None

    @property
    def mark(self) -> str:
        """How it is marked among the steps: its state, or what a check found; empty if neither."""
        if self.state not in _WHOLE:
            return self.state
        return "" if self.check is None else self.check.mark

    @property
    def told(self) -> str:
        """Its state, and what a check of it gave."""
        if self.check is None or self.check.report is None:
            return self.state
        return f"{self.state}, {self.check.text}"


class Chart(NamedTuple):
    """An amount over steps.

    Attributes:
        label: what it is.
        line: its points.
        span: the least and the greatest, as text.
        texts: the text of each point.
    """

    label: str
    line: Line
    span: str
    texts: list[str]


class Run:
    """The checkpoints of one directory.

    Attributes:
        path: the path of the directory.
        rows: in the order of their steps.
        charts: of amounts that are known for several of them.
        marks: of those that are not whole, or in which a check found something: place, what they
            are marked as, and a text.
        missing: the steps that seem to be missing, judged by the others; as text.
        total: bytes of all files that were measured.
        nbytes: bytes of all of them in memory.
    """

    def __init__(self, path: str, rows: list[Row]) -> None:
        self.path = printable(path or ".")
        self.rows = rows
        self.total = sum(row.disk or 0 for row in rows)
        self.nbytes = sum(row.nbytes or 0 for row in rows)
        self.stepped = [row for row in rows if row.step is not None]
        steps = [row.step for row in self.stepped if row.step is not None]
        self.charts = [*_charts(self.stepped, steps)]
        self.marks = [
            (across(step, steps), row.mark, f"{row.name}: {row.told}")
            for row, step in zip(self.stepped, steps, strict=True)
            if row.mark
        ]
        self.missing = missing(steps)

    @property
    def states(self) -> str:
        """How many there are in each state."""
        states = Counter(row.state for row in self.rows)
        return ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))


def runs_of(fleet: Fleet, atomicity: Atomicity) -> tuple[list[Run], list[str]]:
    """Sort checkpoints by directory, the largest first.

    Args:
        fleet: the checkpoints.
        atomicity: as for `orbscan.scan`.

    Returns:
        the runs, and notes on how they were measured.
    """
    rows = [Row(entry) for entry in fleet.entries]
    notes = [*fleet.notes]
    if fleet.is_measured:
        _measure(rows, fleet.roots, atomicity)
        if len(rows) > _MEASURED:
            notes.append(f"Disk use is that of the {_MEASURED:,} newest checkpoints.")
    if fleet.level is not None:
        for row in rows:
            place = in_store_of(fleet.roots, row.entry.path)
            is_unfinished = row.state == "uncommitted"
            row.check = (
                UNFINISHED if is_unfinished else checked(place, row.note, fleet.level, atomicity)
            )
    directories: dict[str, list[Row]] = {}
    for row in rows:
        directory, _, _ = row.entry.path.rstrip("/").rpartition("/")
        directories.setdefault(directory, []).append(row)
    compared = 0
    for of_run in directories.values():
        of_run.sort(key=lambda row: (row.step is None, row.step or 0))
        compared += _compare(of_run, _COMPARED - compared)
    runs = [Run(path, of_run) for path, of_run in directories.items()]
    return sorted(runs, key=lambda run: (-run.total, -run.nbytes)), notes


def _measure(rows: list[Row], roots: list[str], atomicity: Atomicity) -> None:
    """Measure the disk usage of checkpoints, the newest first."""
    newest = sorted(rows, key=lambda row: -(row.entry.commit_timestamp_nsecs or 0))
    for row in newest[:_MEASURED]:
        entry = cast("_core.Entry", row.entry)
        try:
            row.disk = of_entry(entry, in_store_of(roots, entry.path), atomicity).total
        except OrbscanError as error:
            row.note = row.note or printable(str(error))


def missing(steps: Sequence[int]) -> str:
    """Name the missing steps, if most of the others have the same interval.

    >>> missing([100, 200, 300, 500]), missing([1, 5, 7]), missing([])
    ('400', '', '')
    """
    distances = Counter(b - a for a, b in pairwise(steps) if b > a)
    if not distances:
        return ""
    distance, times = distances.most_common(1)[0]
    if times * 2 < sum(distances.values()) or times < 2:  # noqa: PLR2004 - a habit needs two
        return ""
    there = {*steps}
    lost = [str(step) for step in range(steps[0], steps[-1], distance) if step not in there]
    more = f" and {len(lost) - _SHOWN_MISSING:,} more" if len(lost) > _SHOWN_MISSING else ""
    return ranges(lost[:_SHOWN_MISSING]) + more if lost else ""


def _compare(rows: list[Row], most: int) -> int:
    """Describe for each step how its tree differs from the one before; returns their number."""
    compared = 0
    before: Row | None = None
    for row in rows:
        if row.entry.checkpoint is None or row.entry.error is not None:
            continue
        if before is not None and _tree(row) != _tree(before):
            if compared < most:
                row.change = _change(before, row)
                compared += 1
            else:
                row.change = "the tree changed"
        before = row
    return compared


def _tree(row: Row) -> list[object]:
    checkpoint = row.entry.checkpoint
    return [
        (name, table.node_keys, table.node_leaves, table.leaves, table.arrays, table.shardings)
        for name, table in (() if checkpoint is None else checkpoint.items)
        if table is not None
    ]


def _change(before: Row, row: Row) -> str:
    checkpoints = [cast("_core.Checkpoint", each.entry.checkpoint) for each in (before, row)]
    sides = [
        side_of_checkpoint(each.entry.path, checkpoint)
        for each, checkpoint in zip((before, row), checkpoints, strict=True)
    ]
    try:
        found = difference(*sides, ignore=left_out(()), rich_types=False)
    except (OrbscanError, ValueError) as error:
        return f"not compared: {printable(str(error))}"
    # What differs is perhaps only what a diff leaves out.
    return "" if found.same else ", ".join(found.summary())


def _amounts(entry: Entry) -> tuple[int | None, int | None]:
    """The leaves of a checkpoint, and their bytes in memory; None if that is not known."""
    if isinstance(entry, Record):
        return entry.leaves, entry.nbytes
    held = None if entry.checkpoint is None else totals(entry.checkpoint)
    return (None, None) if held is None else (held.leaves, held.nbytes)


def _charts(rows: list[Row], steps: list[int]) -> Iterator[Chart]:
    kinds: list[tuple[str, Callable[[Row], float | None], Callable[[float], str]]] = [
        ("In memory", lambda row: row.nbytes, lambda amount: size(int(amount))),
        ("On disk", lambda row: row.disk, lambda amount: size(int(amount))),
        ("The save took", lambda row: row.took, lambda amount: f"{amount:.1f} s"),
    ]
    names = dict.fromkeys(name for row in rows for name in row.metrics)
    kinds += [(name, _metric(name), lambda amount: f"{amount:.4g}") for name in [*names][:_METRICS]]
    for label, of, shown in kinds:
        amounts = [of(row) for row in rows]
        if sum(amount is not None for amount in amounts) > 1:
            drawn = line(steps, amounts)
            texts = ["" if amount is None else shown(amount) for amount in amounts]
            low, high = shown(drawn.low), shown(drawn.high)
            span = low if low == high else f"{low} to {high}"
            yield Chart(printable(label), drawn, span, texts)


def _metric(name: str) -> Callable[[Row], float | None]:
    return lambda row: row.metrics.get(name)


def _metrics(entry: Entry) -> dict[str, float]:
    if entry.metrics is None:
        return {}
    document = json.loads(entry.metrics)
    if not isinstance(document, dict):
        return {}
    return {name: float(value) for name, value in members(document) if is_number(value)}


def _note(entry: Entry) -> str:
    if entry.error is not None:
        return printable(within(entry.path, str(entry.error)))
    issues = [] if entry.checkpoint is None else entry.checkpoint.issues
    if issues:
        return counted(len(issues), "issue")
    return "" if entry.committed else printable(entry.commit_reason)
