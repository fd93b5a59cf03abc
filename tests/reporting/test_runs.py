"""Pages of many checkpoints."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.drawing.lines import line
from orbscan.reporting.runs import missing
from tests.reporting.conftest import data_of, facts_of, rows_of
from tests.support import handmade

if TYPE_CHECKING:
    from orbscan.types import Level


def rows_of_table(page: str) -> list[list[str]]:
    """The cells of the tables of checkpoints."""
    tables = re.findall(r'class="scroll steps".*?</table>', page, re.DOTALL)
    rows = [row for table in tables for row in re.findall(r"<tr>\n(.*?)</tr>", table, re.DOTALL)]
    cells = (re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows)
    return [[re.sub("<.*?>", "", cell) for cell in row] for row in cells]


def test_all_checkpoints_are_told_with_their_states(demo: Path) -> None:
    page = orbscan.report(demo / "runs")
    scanned = [*orbscan.scan(demo / "runs", ordered=True)]
    assert page.checkpoints == len(scanned) == 10
    assert page.incomplete == 1
    facts = facts_of(page.html)
    assert (facts["checkpoints"], facts["committed"], facts["broken"]) == ("10", "8", "1")
    rows = rows_of_table(page.html)
    assert [row[0] for row in rows] == [Path(entry.path).name for entry in scanned]
    assert [row[1] for row in rows].count("uncommitted") == 1
    broken = next(row for row in rows if row[1] == "broken")
    assert "default/_METADATA, byte 100" in broken[-1]


def test_each_readable_step_has_a_page_and_steps_of_one_tree_share_it(demo: Path) -> None:
    page = orbscan.report(demo / "runs").html
    links = re.findall(r'<a href="#(page-\d+)">', page)
    assert len(links) == 8
    assert all(f'<article class="checkpoint" id="{link}"' in page for link in links)
    assert len(re.findall(r'id="tree-\d+"', page)) == 2


def test_steps_say_that_they_were_not_checked(demo: Path) -> None:
    page = orbscan.report(demo / "runs").html
    steps = page.split('<article class="checkpoint"')[1:]
    assert len(steps) == 8
    assert all(facts_of(step)["state"] == "not checked" for step in steps)
    assert "The steps were not checked: 'orbscan report --level index'" in unescape(page)
    assert ">Check<" not in page


@pytest.fixture
def damaged(demo: Path, tmp_path: Path) -> Path:
    """The run of the demo, of which one step has no shardings, and another has lost chunks."""
    run = tmp_path / "run"
    shutil.copytree(demo / "runs" / "base", run)
    (run / "1400" / "default" / "_sharding").unlink()
    shutil.rmtree(run / "1500")
    shutil.copytree(demo / "damaged" / "cut", run / "1500")
    return run


def test_with_a_level_each_step_is_checked_as_verify_does(damaged: Path) -> None:
    page = orbscan.report(damaged, level="index").html
    rows = {row[0]: row for row in rows_of_table(page)}
    for name, row in rows.items():
        if row[1] == "uncommitted":
            assert row[2] == ""
            continue
        report = orbscan.verify(damaged / name)
        counts = [report.count("error"), report.count("warning")]
        numbers = [int(number) for number in re.findall(r"[0-9]+", row[2])]
        assert numbers == [count for count in counts if count], name
        assert row[2].startswith("ok" if report.ok else "damaged"), name
    assert rows["1500"][2].startswith("damaged, ")
    assert rows["1400"][2] == "ok, 1 warning"
    assert rows["1400"][-1] == "1 issuesharding default/_sharding"
    assert facts_of(page)["checked"].endswith("ok, 1 damaged")
    assert "were not checked" not in page


def test_findings_stand_on_the_page_of_the_step_and_in_the_charts(damaged: Path) -> None:
    page = orbscan.report(damaged, level="index").html
    assert re.findall(r'class="mark (\w+)"><title>(\d+)', page)[:3] == [
        ("warned", "1400"),
        ("damaged", "1500"),
        ("uncommitted", "1600"),
    ]
    steps = page.split('<article class="checkpoint"')[1:]
    found = {re.findall("<h1.*?>(.*?)</h1>", step)[0]: step for step in steps}
    first = orbscan.verify(damaged / "1500").findings[0]
    assert facts_of(found["1500"])["state"] == "damaged"
    assert first.reason in unescape(found["1500"])
    assert facts_of(found["1400"])["state"] == "ok, 1 warning"
    assert facts_of(found["1000"])["state"] == "ok"
    link = re.search(rf'<a href="#(findings-[0-9]+)">{first.code} ', page)
    assert link is not None
    assert f'id="{link[1]}"' in found["1500"]
    lost = [
        {row["path"] for row in rows_of(data_of(page, number)) if row["state"] == 2 and row["kind"]}
        for number in range(len(re.findall(r'id="tree-[0-9]+"', page)))
    ]
    report = orbscan.verify(damaged / "1500")
    assert {leaf.leaf for leaf in report.lost_leaves} in lost


def test_levels_are_those_of_verify(demo: Path, tmp_path: Path) -> None:
    for step in ("1", "2"):
        shutil.copytree(demo / "damaged" / "none", tmp_path / "run" / step)
    # Bytes that are there but do not decode: only the level `data` reads them.
    largest = max((tmp_path / "run" / "2").rglob("d/*"), key=lambda file: file.stat().st_size)
    whole = largest.read_bytes()
    largest.write_bytes(whole[:4_600] + bytes(100) + whole[4_700:])
    levels: dict[Level, str] = {"structure": "ok", "index": "ok", "data": "damaged, 1 error"}
    for level, wanted in levels.items():
        page = orbscan.report(tmp_path / "run", level=level).html
        assert [row[2] for row in rows_of_table(page)] == ["ok", wanted]
        assert orbscan.verify(tmp_path / "run" / "2", level=level).ok is (wanted == "ok")


def test_a_step_that_cannot_be_read_is_checked_too(demo: Path) -> None:
    page = orbscan.report(demo / "runs" / "wide", level="index").html
    [row] = [row for row in rows_of_table(page) if row[1] == "broken"]
    report = orbscan.verify(demo / "runs" / "wide" / row[0])
    assert row[2].startswith("damaged, ")
    assert report.findings[0].code in row[-1]


def test_many_findings_leave_room_for_other_pages(tmp_path: Path) -> None:
    tree = {f"{name}": handmade.Array((name + 1,)) for name in range(60)}
    for number in range(3):
        handmade.write(tmp_path / "run" / str(number), {"default": tree})
    page = orbscan.report(tmp_path / "run", level="index").html
    steps = page.split('<article class="checkpoint"')[1:]
    for number, step in enumerate(reversed(steps)):
        found = orbscan.verify(tmp_path / "run" / str(number)).findings
        assert step.count('class="finding ') == 20
        assert f"{len(found) - 20} more findings: 'orbscan verify' shows them" in unescape(step)


def test_no_such_level_is_refused(demo: Path) -> None:
    with pytest.raises(ValueError, match="level 'deep': expected one of"):
        orbscan.report(demo / "runs", level="deep")  # type: ignore[arg-type]


def test_what_is_not_read_is_not_checked(demo: Path) -> None:
    with pytest.raises(TypeError, match="results of a scan are shown without a check"):
        orbscan.report(orbscan.scan(demo / "runs"), level="index")
    diff = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    with pytest.raises(TypeError, match="a diff is shown without a check"):
        orbscan.report(diff, level="index")


def test_charts_have_a_point_for_what_is_known(demo: Path) -> None:
    page = orbscan.report(demo / "runs" / "base").html
    charts = re.findall(r"<figcaption>(.*?)</figcaption>(.*?)</figure>", page, re.DOTALL)
    points = {label: drawn.count("<circle") for label, drawn in charts}
    assert points == {
        "In memory": 6,
        "On disk": 7,
        "The save took": 6,
        "loss": 6,
        "accuracy": 6,
    }
    assert "mark uncommitted" in page


def test_steps_without_room_are_counted(demo: Path) -> None:
    page = orbscan.report(demo / "runs", budget=22_000).html
    found = re.search(r"(\d+) checkpoints? had no room for a page here, the oldest", page)
    assert found is not None
    assert int(found[1]) + len(re.findall(r'<a href="#page-', page)) == 8


def test_changes_of_the_tree_are_told(tmp_path: Path) -> None:
    trees = [{"a": handmade.Array((2,))}, {"a": handmade.Array((2,))}, {"a": handmade.Array((3,))}]
    for number, tree in enumerate(trees):
        handmade.write(tmp_path / "run" / str(number), {"default": tree})
    notes = [row[-1] for row in rows_of_table(orbscan.report(tmp_path / "run").html)]
    assert notes == ["", "", "changed since the step before: 1 changed leaf"]


@pytest.mark.parametrize(
    ("steps", "lost"),
    [
        ([100, 200, 300, 500, 600], "400"),
        ([0, 10, 20, 60, 70], "30..50:10"),
        ([1, 5, 7], ""),
        ([5], ""),
        ([], ""),
    ],
)
def test_missing_steps_follow_from_the_distance_of_the_others(steps: list[int], lost: str) -> None:
    assert missing(steps) == lost


def test_only_broken_checkpoints_are_a_page(demo: Path, tmp_path: Path) -> None:
    shutil.copytree(demo / "runs" / "wide" / "1100", tmp_path / "run" / "1100")
    page = orbscan.report(tmp_path)
    assert page.incomplete == 1
    assert 'class="checkpoint"' not in page.html
    assert facts_of(page.html)["broken"] == "1"


def test_nothing_is_said_to_be_nothing(tmp_path: Path) -> None:
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.report(tmp_path)
    page = orbscan.report([tmp_path])
    assert page.checkpoints == 0
    assert "No checkpoint was found here." in page.html


def test_where_a_file_commits_a_run_is_a_run_and_an_unfinished_save_is_none(
    demo: Path, tmp_path: Path
) -> None:
    page = orbscan.report(demo / "runs" / "base", atomicity="commit_file", level="index")
    assert page.checkpoints == 7
    save = tmp_path / "1700"
    shutil.copytree(demo / "runs" / "base" / "1500", save)
    (save / "commit_success.txt").unlink()
    for path in (save, f"{save}/"):
        with pytest.raises(orbscan.InvalidLayoutError, match=r"it has no commit_success.txt"):
            orbscan.report(path, atomicity="commit_file")


def test_what_is_for_one_checkpoint_is_refused_for_several(demo: Path) -> None:
    with pytest.raises(TypeError, match="for one checkpoint"):
        orbscan.report([demo / "runs"], step="latest")


def test_a_line_is_broken_where_nothing_is_known() -> None:
    drawn = line([0, 5, 10, 15], [1.0, None, 3.0, 2.0])
    assert [point is None for point in drawn.points] == [False, True, False, False]
    assert len(drawn.pieces) == 1
    xs = [point[0] for point in drawn.points if point]
    assert xs == [0.0, 400.0, 600.0]
