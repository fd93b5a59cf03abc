"""Reports and usages as JSON documents whose members are stable. Pure: values in, plain values out.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.checking.amounts import Tally
from orbscan.checking.verdict import SEVERITIES
from orbscan.showing.documents import fault_document

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.checking.amounts import Amounts, CheckpointUsage
    from orbscan.checking.verdict import Verdict

SCHEMA_VERSION = 1


def report_document(report: Verdict) -> dict[str, object]:
    """Compose the document of a report."""
    return {
        "schema_version": SCHEMA_VERSION,
        "path": str(report.place),
        "paths": list(map(str, report.places)),
        "level": report.level,
        "ok": report.ok,
        "complete": report.complete,
        "alone": None if report.alone is None else report.alone.to_dict(),
        "extent": report.extent._asdict(),
        "counts": {severity: report.count(severity) for severity in SEVERITIES},
        "lost_leaves": [{**leaf._asdict(), "leaf": leaf.leaf} for leaf in report.lost_leaves],
        "restores": report.restores._asdict(),
        "findings": [finding.to_dict() for finding in report.findings],
        "left_out": report.left_out,
        "part": None if report.part is None else report.part._asdict(),
    }


def uncommitted_document(path: str, reason: str) -> dict[str, object]:
    """Compose the document for a save that never finished, in place of a report."""
    return {
        "schema_version": SCHEMA_VERSION,
        "path": path,
        "committed": False,
        "reason": reason,
    }


def usage_document(usage: Amounts) -> dict[str, object]:
    """Compose the document of the usage of one checkpoint."""
    leaves = [leaf._asdict() for leaf in usage.leaves]
    return {**usage_without_leaves(usage), "leaves": leaves}


def usage_without_leaves(usage: Amounts, param: str | None = None) -> dict[str, object]:
    """Compose the document of the disk usage of one checkpoint, with an empty member `leaves`.

    Args:
        usage: of the checkpoint.
        param: the pattern of the leaves that it has; None if it has all. Members that are not about
            these leaves are then null.
    """
    tally = Tally(usage.leaves)
    amounts = ("strays", "data", "index", "free", "unknown", "others", "total")
    return {
        "schema_version": SCHEMA_VERSION,
        "path": str(usage.place),
        "alone": None if usage.alone is None else usage.alone.to_dict(),
        "param": param,
        "totals": {
            "nbytes": tally.nbytes,
            "stored": tally.stored,
            **{amount: getattr(usage, amount) if param is None else None for amount in amounts},
        },
        "types": {
            dtype: {"leaves": count, "nbytes": nbytes, "stored": stored}
            for dtype, (count, nbytes, stored) in tally.dtypes.items()
        },
        "leaves": [],
        "files": [file._asdict() for file in usage.files] if param is None else None,
        "issues": [fault_document(issue) for issue in usage.issues],
    }


def usages_document(rows: Sequence[CheckpointUsage]) -> dict[str, object]:
    """Compose the document of the usage of several checkpoints."""
    return {
        "schema_version": SCHEMA_VERSION,
        "checkpoints": [
            {
                "path": str(row.place),
                **{name: value for name, value in row._asdict().items() if name != "place"},
                "error": None if row.error is None else str(row.error),
            }
            for row in rows
        ],
        "totals": {
            "total": sum(row.total for row in rows),
            "nbytes": sum(row.nbytes or 0 for row in rows),
            "stored": sum(row.stored or 0 for row in rows),
            "free": sum(row.free or 0 for row in rows),
            "uncommitted": sum(row.total for row in rows if row.state == "uncommitted"),
        },
    }
