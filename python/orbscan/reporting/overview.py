"""Many checkpoints in one page: an overview, and the pages of as many steps as fit.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, cast

from orbscan.reporting.checkpoint import checkpoint_page
from orbscan.reporting.checks import told
from orbscan.reporting.facts import Fact
from orbscan.reporting.looking import seen
from orbscan.reporting.runs import runs_of
from orbscan.showing.text import counted, printable, size, some

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan import _core
    from orbscan.aliases import Atomicity, Level
    from orbscan.reporting.checkpoint import CheckpointPage
    from orbscan.reporting.inputs import Fleet
    from orbscan.reporting.runs import Row, Run

_SHOWN_ROOTS = 5
_PAGE = 4_000
"""The size of the page of a step besides its leaves, in bytes: more than most need."""

_FINDING = 250
"""What a finding takes besides its text."""

_SHOWN_FINDINGS = 20
_OF_ONE = 4
"""The largest share of the budget of all leaves for the leaves of one step."""


class Overview(NamedTuple):
    """The content of a page of many checkpoints, for its template.

    Attributes:
        title: the last part of their path, or how many roots there are.
        paths: the roots that were searched.
        facts: answers to the first questions.
        notes: information about the page: what has no page, what was not measured.
        runs: the checkpoints by directory, the largest first.
        incomplete: how many could not be read completely.
        is_checked: whether each was checked.
    """

    title: str
    paths: str
    facts: list[Fact]
    notes: list[str]
    runs: list[Run]
    incomplete: int
    is_checked: bool

    @property
    def is_measured(self) -> bool:
        """Whether it is known what runs take on disk."""
        return any(run.total for run in self.runs)

    def share(self, run: Run) -> float:
        """The disk usage of a run, as a share of the largest."""
        most = self._taken(self.runs[0])
        return self._taken(run) / most if most else 0.0

    def taken(self, run: Run) -> str:
        """Show the disk usage of a run."""
        return size(self._taken(run))

    def _taken(self, run: Run) -> int:
        return run.total if self.is_measured else run.nbytes

    def size(self, nbytes: int) -> str:
        """Show a number of bytes."""
        return size(nbytes)


def overview_page(
    fleet: Fleet,
    *,
    mesh: object,
    devices_per_host: int | None,
    atomicity: Atomicity,
    budget: int,
) -> tuple[Overview, list[CheckpointPage]]:
    """Compose the content of a page of many checkpoints, and the pages of steps.

    Args:
        fleet: the checkpoints.
        mesh: as for `orbscan.report`.
        devices_per_host: as for `orbscan.report`.
        atomicity: as for `orbscan.report`.
        budget: the maximum bytes for all pages of steps together.

    Raises:
        ValueError: the mesh is not a mesh.
    """
    runs, notes = runs_of(fleet, atomicity)
    roots = fleet.roots
    rows = [row for run in runs for row in run.rows]
    # The newest steps of every run come first, then those before them.
    readable = [
        (age, number, row)
        for number, run in enumerate(runs)
        for age, row in enumerate(reversed([row for row in run.rows if _is_readable(row)]))
    ]
    pages: list[CheckpointPage] = []
    known: set[str] = set()
    left = budget - 600 * len(rows)
    for _, _, row in sorted(readable, key=lambda each: each[:2]):
        if left < _PAGE:
            break
        checkpoint = row.entry.checkpoint
        if checkpoint is None:
            continue
        report = None if row.check is None else row.check.report
        page = checkpoint_page(
            row.entry.path,
            seen(cast("_core.Checkpoint", checkpoint), report),
            mesh=mesh,
            devices_per_host=devices_per_host,
            budget=max(left // _OF_ONE, _PAGE),
            most_findings=_SHOWN_FINDINGS,
        )
        # Steps with the same tree share its leaves.
        left -= _PAGE + (0 if page.data in known else len(page.data))
        left -= sum(_FINDING + len(str(finding)) for finding in page.findings)
        known.add(page.data)
        row.page = len(pages)
        pages.append(page)
    if rows and fleet.level is None and fleet.is_measured:
        notes.append(
            "The steps were not checked: 'orbscan report --level index' says of each whether all "
            "is there."
        )
    without = len(readable) - len(pages)
    if without:
        steps = counted(without, "checkpoint")
        notes.append(
            f"{steps} had no room for a page here, the oldest: 'orbscan report' makes one."
        )
    incomplete = sum(row.entry.complete is False for row in rows)
    shown = some([*map(printable, roots)], _SHOWN_ROOTS, ", ")
    title = counted(len(roots), "root")
    if len(roots) == 1:
        title = printable(roots[0].rstrip("/").rpartition("/")[2] or roots[0])
    if not rows:
        notes.append("No checkpoint was found here.")
    found = [*_facts(rows, runs, fleet.level)]
    return Overview(title, shown, found, notes, runs, incomplete, fleet.level is not None), pages


def _is_readable(row: Row) -> bool:
    checkpoint = row.entry.checkpoint
    return (
        row.entry.error is None
        and checkpoint is not None
        and any(table is not None for _, table in checkpoint.items)
    )


def _facts(rows: list[Row], runs: list[Run], level: Level | None) -> Iterable[Fact]:
    states = Counter(row.state for row in rows)
    yield Fact("checkpoints", f"{len(rows):,}", f"in {counted(len(runs), 'run')}")
    for state, count in sorted(states.items()):
        yield Fact(state, f"{count:,}")
    if level is not None:
        yield Fact(
            "checked", told(row.check for row in rows if row.check is not None), f"at level {level}"
        )
    if any(row.disk is not None for row in rows):
        yield Fact("on disk", size(sum(run.total for run in runs)), "all files that were measured")
    else:
        yield Fact("in memory", size(sum(run.nbytes for run in runs)), "each checkpoint by itself")
    took = [row.took for row in rows if row.took is not None]
    if took:
        yield Fact("a save took", f"{sum(took) / len(took):.1f} s", f"{max(took):.1f} s at most")
