"""The report of a check as text. Pure: findings in, lines out.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.checking.verdict import SEVERITIES
from orbscan.showing.text import counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Severity
    from orbscan.checking.verdict import LostLeaf, Verdict

_NAMES_SHOWN = 10


def lines(report: Verdict, severities: tuple[Severity, ...] = SEVERITIES) -> Iterator[str]:
    """Show a report, with the findings of some severities only."""
    counts = [counted(report.count(s), s) for s in SEVERITIES if report.count(s)]
    verdict = "ok" if report.ok else "damaged" if report.count("error") else "incomplete check"
    if report.part is not None:
        verdict = f"a part, {verdict}"
    whom = printable(report.place)
    if len(report.places) > 1:
        whom += f" and {len(report.places) - 1:,} more, combined"
    alone = "" if report.alone is None else f" {report.alone}:"
    found = f" ({', '.join(counts)})" if counts else ""
    yield f"{whom}:{alone} {verdict} at level {report.level}{found}"
    if report.part is not None:
        yield f"  holds     {report.part}"
    yield f"  looked at {_looked_at(report)}"
    yield from _not_looked_at(report)
    if report.lost_leaves:
        yield f"  lost      {_names(report.lost_leaves)}; {_rest(report)}"
    has_weight = report.count("error") or report.count("warning")
    if has_weight and {*report.restores} != {"works"}:
        yield f"  restores  {report.restores}"
    for finding in report.findings:
        if finding.severity in severities:
            yield str(finding)
    for code, more in report.left_out.items():
        yield f"  and {counted(more, 'more finding')} {code}"


def _not_looked_at(report: Verdict) -> Iterator[str]:
    """List what a verdict does not cover."""
    if report.extent.unsealed:
        yield f"  unsealed  {unsealed(report.extent.unsealed)}"
    if report.alone is not None and report.alone.others:
        yield f"  others    not looked at: {report.alone.shown_others()}"


def _looked_at(report: Verdict) -> str:
    extent = report.extent
    parts = [counted(extent.leaves, "leaf", "leaves")]
    if report.level != "structure":
        parts += [
            counted(extent.chunks, "chunk"),
            counted(extent.nodes, "node"),
            counted(extent.files, "file"),
        ]
    if report.level == "data":
        parts.append(f"{size(extent.nbytes)} decoded")
    return ", ".join(parts)


def _rest(report: Verdict) -> str:
    left = report.extent.leaves - len(report.lost_leaves)
    if left <= 0:
        return "no leaf can be restored"
    return f"the other {counted(left, 'leaf', 'leaves')} can be restored without them"


def unsealed(chunks: int) -> str:
    """Say what it means that chunks have no checksum.

    >>> unsealed(16)
    '16 chunks carry no checksum: a changed byte in them can go undetected'
    """
    carry, them = ("carries", "it") if chunks == 1 else ("carry", "them")
    shown = counted(chunks, "chunk")
    return f"{shown} {carry} no checksum: a changed byte in {them} can go undetected"


def _names(lost: tuple[LostLeaf, ...]) -> str:
    shown = [leaf.leaf for leaf in lost[:_NAMES_SHOWN]]
    more = len(lost) - len(shown)
    text = ", ".join(shown)
    leaves = counted(len(lost), "leaf", "leaves")
    return f"{leaves}: {text}" + (f" and {more:,} more" if more else "")
