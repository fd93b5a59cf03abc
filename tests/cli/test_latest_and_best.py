"""`orbscan latest` and `orbscan best`: the path of a step, for a shell."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.reading.steps.support import write_step
from tests.support.processes import output

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "a root"
    for number, loss in ((9, 0.5), (10, 0.25), (11, 0.75)):
        write_step(root, str(number), {"loss": loss, "eval": {"acc": loss}})
    write_step(root, "12.orbax-checkpoint-tmp")
    return root


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (["latest"], "11"),
        (["best", "loss:min"], "10"),
        (["best", "loss"], "11"),
        (["best", "eval.acc:max"], "11"),
        (["latest", "--no-prefix"], "11"),
    ],
)
def test_the_path_of_a_step_is_printed(
    words: list[str], step: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words
    assert main([command, str(root), *rest]) == 0
    assert capfd.readouterr() == (f"{root}/{step}\n", "")
    assert main([command, str(root), *rest, "-0"]) == 0
    assert capfd.readouterr() == (f"{root}/{step}\0", "")


@pytest.mark.parametrize("words", [["latest", "--prefix", "x"], ["best", "los"]])
def test_where_there_is_none_nothing_is_printed(
    words: list[str], root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command, *rest = words
    assert main([command, str(root), *rest]) == 3
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err


def test_the_directory_of_the_steps_is_told(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["latest", str(root.parent)]) == 3
    assert capfd.readouterr().err.endswith(f"3 steps (9 to 11): pass '{root}'\n")


def test_a_metric_has_a_name(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["best", str(root), ""])
    assert "the name of a metric is empty" in capsys.readouterr().err


def test_a_path_is_printed_as_it_is_whatever_the_terminal_shows(tmp_path: Path) -> None:
    write_step(tmp_path / "gewählt", "7")
    command = [sys.executable, "-m", "orbscan", "latest", tmp_path / "gewählt"]
    assert output(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}).endswith("gewählt/7\n")
