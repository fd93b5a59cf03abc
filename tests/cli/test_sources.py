"""Whatever reads one checkpoint takes the same options for where it lies and what counts as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {
    "show": (),
    "plan": ("--mesh", "d=1"),
    "du": (),
    "diff": (),
}
EACH = pytest.mark.parametrize("name", COMMANDS)


def run(name: str, path: Path, *options: str) -> int:
    other = [str(path)] if name == "diff" else []
    return main([name, str(path), *other, *COMMANDS[name], *options])


@EACH
def test_the_latest_step_is_that_of_the_atomicity(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in ("1", "2"):
        handmade.write(tmp_path / step, {"state": {"w": Array((2,))}})
    (tmp_path / "1" / "commit_success.txt").touch()
    for options, step in (((), "2"), (("--atomicity", "commit_file"), "1")):
        assert run(name, tmp_path, "--step", "latest", *options, "-o", "json") == 0
        assert f'"{tmp_path / step}"' in capsys.readouterr().out


@EACH
def test_an_unfinished_save_is_read_on_purpose(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = tmp_path / "5.orbax-checkpoint-tmp-1"
    handmade.write(unfinished, {"state": {"w": Array((2,))}})
    assert run(name, unfinished) == 3
    assert "is not a finished checkpoint" in capsys.readouterr().err
    assert run(name, unfinished, "--uncommitted") == 0
    shown = capsys.readouterr()
    assert "is not a finished checkpoint" in shown.out + shown.err


@EACH
def test_the_refusal_of_a_broken_step_names_the_newest_whole_one(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step in ("1", "2"):
        handmade.write(tmp_path / step, {None: {"w": Array((2,))}})
    (tmp_path / "2" / "_METADATA").unlink()
    (tmp_path / "2" / "_CHECKPOINT_METADATA").unlink()
    assert run(name, tmp_path / "2") == 3
    assert capsys.readouterr().err.endswith('; the newest whole step is "1"\n')
