"""The table of findings says what `orbscan.verify` says of each checkpoint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from orbscan.showing import keypaths

if TYPE_CHECKING:
    from pathlib import Path


def expected(path: str, level: Any) -> list[dict[str, Any]]:
    """The rows of a checkpoint that is finished, or named."""
    try:
        report = orbscan.verify(path, level=level)
    except orbscan.OrbscanError as error:
        return [{"state": "failed", "ok": None, "error_kind": error.kind}]
    head = {"state": "checked", "level": level, "ok": report.ok, "complete": report.complete}
    head |= {"checked_leaves": report.extent.leaves, "checked_bytes": report.extent.nbytes}
    if not report.findings:
        return [{**head, "code": None, "severity": None, "reason": None}]
    return [
        {
            **head,
            "code": finding.code,
            "severity": finding.severity,
            "reason": finding.reason,
            "meaning": finding.meaning,
            "checkpointable": finding.checkpointable,
            "keypath": None if finding.keypath is None else keypaths.keypath(finding.keypath),
            "param_name": finding.param_name,
            "chunks": finding.chunks and finding.chunks.count,
            "of_chunks": finding.chunks and finding.chunks.of,
            "file": finding.file,
            "offset": finding.offset,
            "expected": finding.expected,
            "found": finding.found,
            **finding.restores._asdict(),
        }
        for finding in report.findings
    ]


@pytest.mark.parametrize("level", ["structure", "data"])
def test_findings_are_those_of_verify(golden: Path, level: Any) -> None:
    table = pa.table(orbscan.finding_table(golden, level=level, ordered=True))
    table.validate(full=True)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        found.setdefault(row["path"], []).append(row)
    entries = [*orbscan.scan(golden, leaves=False, ordered=True)]
    assert [*found] == [str(entry.path) for entry in entries]
    for entry in entries:
        rows = found[str(entry.path)]
        if not entry.committed and entry.kind != "unknown":
            ((state, reason),) = [(row["state"], row["reason"]) for row in rows]
            assert (state, reason) == ("uncommitted", entry.commit_reason)
            continue
        wanted = expected(str(entry.path), level)
        assert [{name: row[name] for name in wanted[0]} for row in rows] == wanted, entry.path
    assert {"checked", "uncommitted"} <= {*table["state"].to_pylist()}
    assert table.group_by("code").aggregate([([], "count_all")]).num_rows > 5


def test_a_save_that_never_finished_is_checked_if_it_is_named(run: Path) -> None:
    leftover = run / "20.orbax-checkpoint-tmp"
    (run / "10").rename(leftover)
    (below,) = [row for row in pa.table(orbscan.finding_table(run)).to_pylist() if row["step"] != 0]
    assert (below["state"], below["ok"]) == ("uncommitted", None)
    named = pa.table(orbscan.finding_table(leftover)).to_pylist()
    assert [row["code"] for row in named] == [
        finding.code for finding in orbscan.verify(leftover).findings
    ]


def test_what_cannot_be_checked_is_a_row(tmp_path: Path) -> None:
    (row,) = pa.table(orbscan.finding_table(tmp_path / "gone")).to_pylist()
    assert (row["state"], row["error_kind"], row["ok"]) == ("failed", "not_found", None)


def test_a_lost_file_is_found(run: Path) -> None:
    for file in (run / "10").rglob("d/*"):
        os.truncate(file, 0)
    table = pa.table(orbscan.finding_table(run, level="data", ordered=True))
    oks = {row["step"]: row["ok"] for row in table.to_pylist()}
    assert oks == {0: True, 10: False}


def test_a_check_goes_on_from_nothing(run: Path) -> None:
    with pytest.raises(ValueError, match="since is for tables of leaves"):
        orbscan.finding_table(run, since={})
    with pytest.raises(ValueError, match="level 'deep'"):
        orbscan.finding_table(run, level="deep")  # type: ignore[arg-type]
