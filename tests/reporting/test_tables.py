"""Pages of what a scan has found: its tables, a catalogue, the scan itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from tests.reporting.conftest import data_of, facts_of, rows_of
from tests.reporting.test_runs import rows_of_table
from tests.support import handmade

if TYPE_CHECKING:
    from pathlib import Path


def scanned(path: Path) -> Any:
    return orbscan.scan(path, ordered=True)


@pytest.fixture
def tables(demo: Path, tmp_path: Path) -> tuple[str, str]:
    """The tables of leaves and of checkpoints of the demo, as files."""
    files = (str(tmp_path / "leaves.parquet"), str(tmp_path / "checkpoints.arrow"))
    orbscan.write_table(scanned(demo / "runs").leaves(), files[0])
    orbscan.write_table(scanned(demo / "runs").checkpoints(), files[1])
    return files


def told(page: str) -> list[str]:
    return re.findall(r'<p class="note">(Made of.*?|A table.*?|The catalogue.*?)</p>', page)


def without_disk(page: str) -> list[list[str]]:
    """The rows of the checkpoints, without what they take on disk."""
    return [[cell for at, cell in enumerate(row) if at != 4] for row in rows_of_table(page)]


def test_both_tables_say_what_a_scan_of_the_roots_says(demo: Path, tables: tuple[str, str]) -> None:
    of_roots = orbscan.report(demo / "runs")
    page = orbscan.report(tables)
    assert (page.checkpoints, page.incomplete) == (of_roots.checkpoints, of_roots.incomplete)
    rows, expected = without_disk(page.html), without_disk(of_roots.html)
    # The reason of an error is the same, but not its place in the words of a scan.
    assert [row[:-1] for row in rows] == [row[:-1] for row in expected]
    assert {row[0]: row[-1] for row in rows}["1300"] == {r[0]: r[-1] for r in expected}["1300"]
    assert all(row[4] == "" for row in rows_of_table(page.html))
    assert told(page.html) == [
        "Made of tables: what is on disk was not measured, and nothing was checked."
    ]


def test_the_page_of_a_step_has_the_leaves_that_reading_it_gives(
    demo: Path, tables: tuple[str, str]
) -> None:
    read, recorded = (
        {
            (row["path"], row["count"], row["kind"] and row["kind"]["nbytes"])
            for row in rows_of(data_of(orbscan.report(given).html))
        }
        for given in (demo / "runs", tables)
    )
    assert read == recorded
    ways = [
        {
            way["name"]: [label for label, _, _, _ in way["legend"]]
            for way in data_of(orbscan.report(given).html)["colourings"]
        }
        for given in (demo / "runs", tables)
    ]
    assert ways[0] == ways[1]


def test_changes_of_the_tree_are_told_without_reading_again(tmp_path: Path) -> None:
    trees = [{"a": handmade.Array((2,))}, {"a": handmade.Array((2,))}, {"a": handmade.Array((3,))}]
    for number, tree in enumerate(trees):
        handmade.write(tmp_path / "run" / str(number), {"default": tree})
    leaves = pa.table(scanned(tmp_path / "run").leaves())
    for folder in (tmp_path / "run").iterdir():
        folder.rename(tmp_path / f"gone-{folder.name}")
    notes = [row[-1] for row in rows_of_table(orbscan.report(leaves).html)]
    assert notes == ["", "", "changed since the step before: 1 changed leaf"]


def test_leaves_alone_say_what_they_do_not_know(demo: Path) -> None:
    leaves = pa.table(scanned(demo / "runs").leaves())
    page = orbscan.report(leaves)
    assert any("no times, no metrics" in note for note in told(page.html))
    assert page.checkpoints == len(set(leaves["path"].to_pylist()))
    assert facts_of(page.html)["broken"] == "1"


def test_checkpoints_alone_have_no_pages(demo: Path) -> None:
    page = orbscan.report(pa.table(scanned(demo / "runs").checkpoints()))
    assert page.checkpoints == 10
    assert 'class="checkpoint"' not in page.html
    assert any("no leaves" in note for note in told(page.html))
    assert 'class="chart"' in page.html


def test_tables_of_other_libraries_are_tables(demo: Path) -> None:
    import polars as pl

    page = orbscan.report(pl.DataFrame(scanned(demo / "runs" / "base").leaves(categories=True)))
    assert len(re.findall(r'class="checkpoint"', page.html)) == 6


def test_a_scan_that_has_begun_is_not_begun_again(demo: Path) -> None:
    scan = orbscan.scan(demo / "runs")
    page = orbscan.report(scan)
    assert page.checkpoints == 10
    assert [*scan] == []
    assert told(page.html) == [
        "Made of a scan: what is on disk was not measured, and nothing was checked."
    ]
    assert len(re.findall(r'<article class="checkpoint"', page.html)) == 8


def test_a_catalogue_is_a_page_of_its_version(demo: Path, tmp_path: Path) -> None:
    target = tmp_path / "fleet.delta"
    orbscan.update_catalogue(target, demo / "runs")
    page = orbscan.report(orbscan.open_catalogue(target))
    assert page.checkpoints == 10
    assert told(page.html)[0] == "The catalogue is at version 0."
    assert page.title == "runs"
    assert orbscan.report(target).html == page.html


def test_what_is_not_a_table_of_a_scan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no column 'path'"):
        orbscan.report(pa.table({"x": [1]}))
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="no column 'path'"):
        orbscan.report(tmp_path / "x.parquet")


def test_tables_do_not_go_with_paths_or_steps(demo: Path, tables: tuple[str, str]) -> None:
    with pytest.raises(TypeError, match="not of both"):
        orbscan.report([tables[0], demo / "runs"])
    with pytest.raises(TypeError, match="not for a table"):
        orbscan.report(tables[0], step=3)


def test_an_empty_table_is_a_page_of_nothing(demo: Path) -> None:
    leaves = pa.table(scanned(demo / "runs").leaves())
    page = orbscan.report(leaves.slice(0, 0))
    assert page.checkpoints == 0
    assert "No checkpoint was found here." in page.html
