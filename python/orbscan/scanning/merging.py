"""Combines the findings of checkpoints that were checked in parts, as those of one check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.extras import need

if TYPE_CHECKING:
    import pyarrow as pa

    from orbscan.scanning.options import ArrowTable

    Row = dict[str, Any]

_KEPT = 100
"""The number of findings of one code that have a row, as in every check."""

_OF_DATA = frozenset(
    {"bytes-surplus", "chunk-damaged", "chunk-unreadable", "not-decoded", "not-finite"}
)
"""Codes that are found only by decoding a chunk: for a leaf, in any of the parts."""

_SEVERITIES = ("error", "warning", "note")


def merge_findings(table: ArrowTable) -> pa.Table:
    """Combine the rows of checkpoints that were checked in parts.

    The result is the table that one machine would have made. Rows of checkpoints that were checked
    as a whole do not change. Needs pyarrow.

    Args:
        table: a table of findings, with the rows of all shares.

    Raises:
        ValueError: a part of a checkpoint is missing, or the table is not one of findings.
        ImportError: pyarrow is not installed.
    """
    need("pyarrow", "orbscan.merge_findings")
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.table(table)
    if not {"path", "root", "code", "part", "parts"} <= {*whole.schema.names}:
        message = "this is not a table of findings: it has no columns for parts of a check"
        raise ValueError(message)
    is_whole = pc.is_null(whole["parts"])
    by_checkpoint: dict[tuple[str, str], list[Row]] = {}
    for row in whole.filter(pc.invert(is_whole)).to_pylist():
        by_checkpoint.setdefault((row["root"], row["path"]), []).append(row)
    merged = [row for rows in by_checkpoint.values() for row in _merged(rows)]
    together = pa.Table.from_pylist(merged, schema=whole.schema)
    return pa.concat_tables([whole.filter(is_whole), together])


def _merged(rows: list[Row]) -> list[Row]:
    """Return the rows of one checkpoint."""
    rows.sort(key=lambda row: row["part"])
    count = rows[0]["parts"]
    there = {row["part"]: row for row in reversed(rows)}
    missing = [part for part in range(count) if part not in there]
    if missing or {row["parts"] for row in rows} != {count}:
        of = f"part {missing[0]} of {count}" if missing else "another division of it"
        message = f"{rows[0]['path']}: {of} is missing: give the rows of all shares of one table"
        raise ValueError(message)
    failed = [row for row in there.values() if row["state"] != "checked"]
    facts = _facts(there, failed=bool(failed))
    findings = _findings([row for row in rows if row["code"] is not None])
    kept = [row for row in findings if row["state"] == "checked"] + failed[:1]
    return [row | facts for row in kept] or [there[0] | facts]


def _facts(there: dict[int, Row], *, failed: bool) -> Row:
    """Return the columns that describe all parts together."""
    oks = [row["ok"] for row in there.values()]
    checked = [row["checked_bytes"] or 0 for row in there.values()]
    facts: Row = {"part": None, "parts": None}
    if failed:
        return facts | {"ok": False if False in oks else None, "complete": False}
    complete = all(row["complete"] for row in there.values())
    return facts | {"ok": all(oks), "complete": complete, "checked_bytes": sum(checked)}


def _findings(rows: list[Row]) -> list[Row]:
    """Return the findings of all parts, the worst first, at most as many of a code as one check."""
    merged: dict[object, Row] = {}
    for number, row in enumerate(rows):
        is_of_data = row["code"] in _OF_DATA and row["param_name"] is not None
        key = (row["code"], row["checkpointable"], row["param_name"]) if is_of_data else number
        if key in merged:
            merged[key]["chunks"] += row["chunks"]
        else:
            merged[key] = dict(row)
    # If chunks of a file are damaged, that is more informative than surplus bytes.
    damaged = {row["file"] for row in merged.values() if row["chunks"] is not None}
    by_code: dict[str, list[Row]] = {}
    for row in sorted(merged.values(), key=lambda row: _SEVERITIES.index(row["severity"])):
        is_remark = row["code"] == "bytes-surplus" and row["chunks"] is None
        if not (is_remark and row["file"] in damaged):
            by_code.setdefault(row["code"], []).append(row)
    # Each row of a code has the number for its part.
    left_out = {(row["part"], row["code"]): row["left_out"] for row in rows}
    kept = []
    for code, of_code in by_code.items():
        more = sum(number for (_, of), number in left_out.items() if of == code)
        more += max(0, len(of_code) - _KEPT)
        kept += [row | {"left_out": more} for row in of_code[:_KEPT]]
    return kept
