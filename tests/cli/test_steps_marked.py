"""Which step is the latest and the best, as a table and as `print` show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, loss in ((1, 0.5), (2, 0.0382917728), (3, 0.0382917728), (4, 0.75)):
        write_step(tmp_path, str(number), {"loss": loss, "acc": number / 3})
    write_step(tmp_path, "5")
    write_step(tmp_path, "6.orbax-checkpoint-tmp", {"loss": 0.0}, committed=False)
    return tmp_path


def rows(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    lines = capsys.readouterr().out.splitlines()
    return [line.split() for line in lines[3:] if line.strip()[:1].isdigit()]


def test_the_latest_is_marked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", str(root)]) == 0
    assert [row[0] for row in rows(capsys) if "latest" in row] == ["5"]
    write_step(root, "step_9")
    assert main(["steps", str(root)]) == 0
    # Of several prefixes none is the latest.
    assert not [row for row in rows(capsys) if "latest" in row]


@pytest.mark.parametrize(
    ("by", "order", "best"),
    [("loss:min", "632145", "3"), ("loss", "413265", "4"), ("acc:min", "123456", "1")],
)
def test_steps_are_sorted_by_a_metric(
    by: str, order: str, best: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["steps", str(root), "--sort", by]) == 0
    shown = rows(capsys)
    assert "".join(row[0] for row in shown) == order
    # A save that is not committed is not the best.
    assert [row[0] for row in shown if "best" in row] == [best]


def test_a_metric_that_no_step_has_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", str(root), "--sort", "los"]) == 3
    assert "no committed step has the metric 'los'" in capsys.readouterr().err


def test_metrics_stand_below_one_another(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["steps", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({line.index("acc=") for line in lines if "acc=" in line}) == 1
    assert any("loss=0.0382918  acc=0.666667" in line for line in lines)


def test_steps_print_as_a_table(root: Path) -> None:
    steps = orbscan.steps(root)
    lines = str(steps).splitlines()
    assert lines[0].split() == ["STEP", "NAME", "STATE", "COMMITTED", "METRICS"]
    assert len(lines) == 1 + len(steps)
    shown = "committed, 2026-11-23 21:51:28.711944 UTC, loss=0.5  acc=0.333333"
    assert str(steps[0]) == f"{root}/1: {shown}"
    assert repr(steps[0]).startswith("Step(path=")
    assert str(steps[5]) == f"{steps[5].path}: uncommitted, loss=0"
    (root / "empty").mkdir()
    assert str(orbscan.steps(root / "empty")) == "no steps"
