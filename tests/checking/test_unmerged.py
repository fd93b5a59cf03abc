"""Databases of processes that nobody merged are told once, however many there are."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import tensorstore as ts

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path

ARRAYS = 7


def keep(database: Path, which: int, of: int) -> None:
    """Take all arrays out of a database but every `of`-th one, beginning at `which`."""
    store = ts.KvStore.open({"driver": "ocdbt", "base": f"file://{database}/"}).result()
    keys = sorted(store.list().result())
    names = sorted({key.split(b"/")[0] for key in keys})
    for key in keys:
        if names.index(key.split(b"/")[0]) % of != which:
            store.delete_range(ts.KvStore.KeyRange(key, key + b"\0")).result()


@pytest.fixture(params=[1, 3])
def processes(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture
def unmerged(v1: Path, processes: int) -> Path:
    item = v1 / "state"
    (item / "manifest.ocdbt").unlink()
    for process in range(1, processes):
        shutil.copytree(item / "ocdbt.process_0", item / f"ocdbt.process_{process}")
    if processes > 1:
        for process in range(processes):
            keep(item / f"ocdbt.process_{process}", process, processes)
    return v1


def test_a_read_has_one_issue_with_both_numbers(unmerged: Path, processes: int) -> None:
    (issue,) = orbscan.metadata(unmerged).issues
    if processes == 1:
        expected = "the database of a process is not merged: 7 arrays were found in it"
    else:
        expected = "the databases of 3 processes are not merged: 7 arrays were found in them"
    assert issue.reason == expected
    place = unmerged / "state" / ("ocdbt.process_0" if processes == 1 else "")
    assert issue.file == str(place)


def test_verify_has_one_finding(unmerged: Path) -> None:
    report = orbscan.verify(unmerged)
    assert [finding.code for finding in report.findings if finding.severity == "error"] == [
        "not-merged"
    ]
    assert report.extent.leaves == ARRAYS


def test_show_tells_it_once(unmerged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", str(unmerged)])
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("not merged") == 1


def test_data_files_of_the_merged_database_that_is_gone_may_be_in_use(unmerged: Path) -> None:
    usage = orbscan.du(unmerged)
    files = {file.path: file.role for file in usage.files if file.path.startswith("d/")}
    assert set(files.values()) == {"unknown"}
    report = orbscan.verify(unmerged)
    unused = [finding.file for finding in report.findings if finding.code == "data-file-unused"]
    assert not any(str(file).startswith(str(unmerged / "state" / "d")) for file in unused)


def test_arrays_of_the_other_zarr_version_are_told_with_it(unmerged: Path) -> None:
    metadata = unmerged / "state" / "_METADATA"
    metadata.write_text(metadata.read_text().replace('"use_zarr3": true', '"use_zarr3": false'))
    (issue,) = orbscan.metadata(unmerged).issues
    assert issue.reason.endswith(" as zarr.json (_METADATA says .zarray)")
