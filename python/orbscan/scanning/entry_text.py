"""One checkpoint of a scan as text. Pure: a row of the table in, lines out."""

from __future__ import annotations

from orbscan.showing.text import labelled, printable, total

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def lines(row: dict[str, Any]) -> Iterator[str]:
    """Show a row of the table of checkpoints: a summary line, and further facts."""
    done = "committed" if row["committed"] else "uncommitted"
    yield f"{printable(row['path'])}: {row['kind']}, {done}, {row['state']}"
    yield from labelled(_facts(row))


def _facts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if row["step"] is not None:
        yield "step", str(row["step"])
    yield "because", printable(row["commit_reason"])
    for label, moment in (("begun", "init_timestamp"), ("committed", "commit_timestamp")):
        if row[moment] is not None:
            yield label, row[moment]
    if row["checkpointables"]:
        yield "holds", ", ".join(map(printable, row["checkpointables"]))
    sums = [row[name] for name in ("leaves", "parameters", "elements", "nbytes")]
    if None not in sums:
        yield "total", total(*sums)
    if row["metrics"] is not None:
        yield "metrics", printable(row["metrics"])
    for label, faults in (("error", [row["error"]]), ("issue", row["issues"] or [])):
        for fault in faults:
            if fault is not None:
                yield label, printable(fault)
