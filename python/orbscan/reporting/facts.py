"""The first questions about a checkpoint, and the answers.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

from orbscan.reading.totals import Totals, commit_nsecs, duration_nsecs
from orbscan.showing.text import NSECS_PER_SEC, counted, moment, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.checking.report import VerifyReport
    from orbscan.reporting.explorer import Explorer
    from orbscan.reporting.looking import Looked


class Fact(NamedTuple):
    """One of the first questions.

    Attributes:
        label: the question.
        text: the answer.
        note: additional information.
    """

    label: str
    text: str
    note: str = ""


def facts(looked: Looked, explorer: Explorer) -> Iterator[Fact]:
    """Answer the first questions about a checkpoint."""
    read, trees, usage, report, _ = looked
    totals = Totals([(name, table) for name, table in read.items if table is not None])
    alike = len({id(leaf) for tree in trees for leaf in tree.facts})
    yield Fact("leaves", f"{totals.leaves:,}", f"{counted(alike, 'kind')} of leaves")
    if totals.parameters:
        note = ""
        if totals.parameters != totals.elements:
            note = f"of {counted(totals.elements, 'element')}"
        yield Fact("parameters", f"{totals.parameters:,}", note)
    else:
        yield Fact("elements", f"{totals.elements:,}")
    yield Fact("in memory", size(totals.nbytes), "each byte once")
    yield from _placed(explorer)
    if usage is not None:
        stored = sum(sum(tree.stored.values()) for tree in trees if tree.stored is not None)
        ratio = f"{totals.nbytes / stored:.2f} times smaller than in memory" if stored else ""
        yield Fact("stored", size(stored), ratio)
    committed, took = commit_nsecs(read), duration_nsecs(read)
    if committed is not None:
        note = "" if took is None else f"the save took {took / NSECS_PER_SEC:.1f} s"
        yield Fact("committed", moment(committed).partition(".")[0] + " UTC", note)
    if report is not None:
        yield Fact("state", _state(report), f"checked at level {report.level}")
    else:
        yield Fact("state", "not checked", "orbscan verify says whether anything is lost")


def _state(report: VerifyReport) -> str:
    if not report.ok:
        return "damaged"
    if not report.complete:
        return "not fully checked"
    warnings = report.count("warning")
    return f"ok, {counted(warnings, 'warning')}" if warnings else "ok"


def _placed(explorer: Explorer) -> Iterator[Fact]:
    """Describe the meshes, and what all of their devices hold."""
    meshes = explorer.meshes
    if not meshes:
        return
    if len(meshes) == 1:
        yield Fact("mesh", str(meshes[0]), counted(meshes[0].devices, "device"))
    else:
        yield Fact("meshes", f"{len(meshes):,}", "each is told below")
    once = copied = 0
    for node, kind in zip(explorer.nodes, explorer.kinds, strict=True):
        if kind is not None and kind.copies is not None:
            once += node.memory
            copied += node.memory * kind.copies
    if once:
        note = f"{copied / once:.2f} copies of each byte on average"
        yield Fact("on all devices", size(copied), note)
