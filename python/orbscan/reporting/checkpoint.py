"""The page of one checkpoint: what is in it, whether it is complete, how much space it takes.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from orbscan.planning.build import build
from orbscan.planning.columns import arrays
from orbscan.planning.fit import MeshMismatchError
from orbscan.reading.items import Contents
from orbscan.reading.totals import Totals, element_types
from orbscan.reporting.explorer import within
from orbscan.reporting.facts import Fact, facts
from orbscan.reporting.outline import UNREADABLE
from orbscan.showing.keypaths import ranges
from orbscan.showing.text import checkpointable, counted, printable, shortened, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan import _core
    from orbscan.checking.findings import Finding
    from orbscan.checking.report import VerifyReport
    from orbscan.checking.usage import Usage
    from orbscan.planning.plan import RestorePlan
    from orbscan.reading.facts import Leaf
    from orbscan.reporting.explorer import Explorer
    from orbscan.reporting.kinds import Mesh
    from orbscan.reporting.looking import Looked
    from orbscan.reporting.outline import Tree

SHOWN_FINDINGS = 100
"""How many findings the page of a checkpoint has."""

_SHOWN_MESHES = 26
_SHOWN_LOADS = 64


class Load(NamedTuple):
    """What some devices or hosts hold and read.

    Attributes:
        who: which devices or hosts.
        held, read: as text.
        share: the fraction of the maximum that one of them holds, from 0 to 1.
    """

    who: str
    held: str
    read: str
    share: float


class Planned(NamedTuple):
    """A restore over a mesh.

    Attributes:
        mesh: the devices.
        loads: of devices and of hosts; those with the same load are one.
        notes: information about the plan, or why there is none.
    """

    mesh: str
    loads: list[Load]
    notes: list[str]


class CheckpointPage(NamedTuple):
    """The content of the page of one checkpoint, for its template.

    Attributes:
        path: the path of the checkpoint.
        title: the last part of the path.
        facts: answers to the first questions.
        checkpointables: the name of each, its kind, and its content.
        types: leaves and bytes of each element type.
        meshes: the meshes of leaves.
        verdict: the first line of a check; empty if there was none.
        is_damaged: whether the check found an error.
        findings: the findings of the check.
        more: what is said about findings that are not shown.
        faults: what was tolerated, or could not be done.
        files: the disk usage of files: role and size.
        plan: the plan of a restore, if one was requested or the checkpoint names one mesh.
        custom: the custom metadata of the user.
        explorer: the leaves.
        data: the same as JSON.
        is_incomplete: whether a part of it could not be read.
    """

    path: str
    title: str
    facts: list[Fact]
    checkpointables: list[tuple[str, str, str]]
    types: list[tuple[str, str, str]]
    meshes: list[Mesh]
    verdict: str
    is_damaged: bool
    findings: list[Finding]
    more: str
    faults: list[str]
    files: list[tuple[str, str]]
    plan: Planned | None
    custom: str
    explorer: Explorer
    data: str
    is_incomplete: bool


def checkpoint_page(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str,
    looked: Looked,
    *,
    mesh: object,
    devices_per_host: int | None,
    budget: int,
    most_findings: int = SHOWN_FINDINGS,
) -> CheckpointPage:
    """Compose the content of the page of a checkpoint.

    Args:
        path: the path of the checkpoint.
        looked: what was found in it.
        mesh: as for `orbscan.report`.
        devices_per_host: as for `orbscan.report`.
        budget: the most bytes of the leaves.
        most_findings: how many findings are shown, the worst first.

    Raises:
        ValueError: the mesh is not a mesh.
    """
    read, trees, usage, report, faults = looked
    explorer, data = within(trees, budget)
    return CheckpointPage(
        path=printable(path),
        title=_title(path),
        facts=[*facts(looked, explorer)],
        checkpointables=[*_checkpointables(path, read)],
        types=_types(trees),
        meshes=explorer.meshes[:_SHOWN_MESHES],
        verdict="" if report is None else _verdict(report),
        is_damaged=report is not None and not report.ok,
        findings=[] if report is None else [*report.findings[:most_findings]],
        more="" if report is None else _more(report, most_findings),
        faults=faults,
        files=[] if usage is None else [*_files(usage)],
        plan=_planned(read, mesh, devices_per_host),
        custom="" if read.custom_metadata is None else shortened(read.custom_metadata),
        explorer=explorer,
        data=data,
        is_incomplete=bool(read.unreadable) or explorer.nodes[0].state == UNREADABLE,
    )


def _checkpointables(path: str, read: _core.Checkpoint) -> Iterator[tuple[str, str, str]]:
    held = dict(read.items)
    for item in Contents(path, read).items():
        table = held.get(item.name)
        what = ""
        if table is not None:
            totals = Totals([(item.name, table)])
            what = f"{counted(totals.leaves, 'leaf', 'leaves')}, {size(totals.nbytes)}"
        yield checkpointable(item.name), printable(str(item)), what


def _types(trees: list[Tree]) -> list[tuple[str, str, str]]:
    counts: Counter[int] = Counter()
    by_id: dict[int, Leaf] = {}
    for tree in trees:
        for number, times in Counter(tree.table.node_leaves).items():
            if number >= 0:
                leaf = tree.facts[number]
                by_id[id(leaf)] = leaf
                counts[id(leaf)] += times
    found = element_types((by_id[each], times) for each, times in counts.items())
    return [
        (kind, counted(count, "leaf", "leaves"), size(nbytes))
        for kind, (count, nbytes) in found.items()
    ]


def _verdict(report: VerifyReport) -> str:
    first = next(iter(report.lines()))
    return first.removeprefix(printable(report.place)).lstrip(": ")


def _more(report: VerifyReport, shown: int) -> str:
    more = max(len(report.findings) - shown, 0) + sum(report.left_out.values())
    return f"{counted(more, 'more finding')}: 'orbscan verify' shows them" if more > 0 else ""


def _files(usage: Usage) -> Iterator[tuple[str, str]]:
    yield "arrays", size(usage.data)
    yield "index and documents", size(usage.index)
    if usage.free:
        yield "unused: nothing refers to it", size(usage.free)
    if usage.unknown:
        yield "unknown: the index is damaged", size(usage.unknown)
    if usage.others:
        yield "other files", size(usage.others)
    yield f"all {counted(len(usage.files), 'file')}", size(usage.total)


def _planned(read: _core.Checkpoint, mesh: object, devices_per_host: int | None) -> Planned | None:
    found, unreadable = arrays(read.items)
    try:
        plan = build(found, mesh, devices_per_host=devices_per_host, unreadable=unreadable)
    except MeshMismatchError as error:
        return Planned(printable(error.mesh), [], [*map(printable, str(error).splitlines())])
    except ValueError:
        if mesh is not None:
            raise
        # The checkpoint names no mesh, or several, and none was given.
        return None
    loads = [*_loads("device", plan), *_loads("host", plan)]
    return Planned(_axes(plan), loads, [printable(note) for note in plan.notes])


def _axes(plan: RestorePlan) -> str:
    """The mesh of a plan without its axes of length 1, of which a run may have a dozen."""
    mesh = plan.mesh
    axes = tuple(axis for axis in mesh.axes if axis[1] != 1) or mesh.axes
    return printable(str(replace(mesh, axes=axes)))


def _loads(label: str, plan: RestorePlan) -> Iterator[Load]:
    """How much devices or hosts hold; those with the same load are one."""
    alike: dict[tuple[int, int], list[str]] = {}
    for load in plan.devices if label == "device" else plan.hosts:
        alike.setdefault((load.held, load.read), []).append(str(load.number))
    most = max((held for held, _ in alike), default=0)
    for number, ((held, read), who) in enumerate(alike.items()):
        if number == _SHOWN_LOADS:
            yield Load(f"and {len(alike) - number:,} more loads: see 'orbscan plan'", "", "", 0)
            return
        named = f"{label} {shortened(ranges(who))}"
        if len(alike) == 1:
            named = f"the {label}" if len(who) == 1 else f"each of {len(who):,} {label}s"
        yield Load(named, size(held), size(read), held / most if most else 0.0)


def _title(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return printable(name or path)
