"""Pages of many checkpoints."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import orbscan
from orbscan.drawing.lines import line
from orbscan.reporting.runs import missing
from tests.reporting.conftest import facts_of
from tests.support import handmade


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
    assert "Checkpoints are not checked here" in page


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


def test_what_is_for_one_checkpoint_is_refused_for_several(demo: Path) -> None:
    with pytest.raises(TypeError, match="for one checkpoint"):
        orbscan.report([demo / "runs"], step="latest")


def test_a_line_is_broken_where_nothing_is_known() -> None:
    drawn = line([0, 5, 10, 15], [1.0, None, 3.0, 2.0])
    assert [point is None for point in drawn.points] == [False, True, False, False]
    assert len(drawn.pieces) == 1
    xs = [point[0] for point in drawn.points if point]
    assert xs == [0.0, 400.0, 600.0]
