"""`orbscan steps`, and `--step` of the other commands."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.reading.steps.support import BEGUN, ENDED, write_step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[str, str], Path]


def test_the_table_shows_state_times_metrics_and_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "8", {"loss": 0.1, "note": "a\x1b"})
    write_step(tmp_path, "step_09")
    write_step(tmp_path, "10", {})
    (tmp_path / "10" / "metrics" / "metrics").write_text("[1")
    write_step(tmp_path, "11.orbax-checkpoint-tmp", committed=False)
    assert main(["steps", str(tmp_path)]) == 5
    when = "2026-11-23 21:51:28.711944 UTC"
    lines = capsys.readouterr().out.splitlines()
    fault = "metrics/metrics, byte 2: unexpected end of JSON"
    assert [re.split(r"  +", line.strip()) for line in lines] == [
        ["root", str(tmp_path)],
        [""],
        ["STEP", "NAME", "STATE", "COMMITTED", "TOOK", "METRICS", "NOTE"],
        ["8", "committed", when, "0.243 s", "loss=0.1", "note=a\\x1b"],
        ["9", "step_09", "committed", when, "0.243 s"],
        ["10", "broken", when, "0.243 s", fault],
        ["11", "11.orbax-checkpoint-tmp", "uncommitted", "its name is temporary"],
        [""],
        ["total", "4 steps, 3 committed, 1 of them broken"],
    ]
    assert len({line.index("UTC") for line in lines if "UTC" in line}) == 1


def test_the_document_has_what_the_library_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "1", {"loss": math.nan})
    (write_step(tmp_path, "2") / "_CHECKPOINT_METADATA").write_text('{"item_handlers": 5}')
    assert main(["steps", str(tmp_path), "-o", "json"]) == 5
    document = json.loads(capsys.readouterr().out)
    first, second = document.pop("steps")
    assert document == {
        "schema_version": 1,
        "path": str(tmp_path),
        "others": [],
        "not_looked_into": 0,
    }
    assert first == {
        "step": 1,
        "prefix": None,
        "name": "1",
        "path": str(tmp_path / "1"),
        "committed": True,
        "temporary": False,
        "commit_reason": "its name has no temporary suffix",
        "init_timestamp_nsecs": BEGUN,
        "commit_timestamp_nsecs": ENDED,
        "metrics": {"loss": "NaN"},
        "custom_metadata": {"name": "1"},
        "issues": [],
        "error": None,
    }
    assert second["error"]["kind"] == "malformed"
    assert second["error"]["file"] == str(tmp_path / "2" / "_CHECKPOINT_METADATA")


def test_a_root_in_which_there_is_nothing_is_told_from_one_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").mkdir()
    assert main(["steps", str(tmp_path)]) == 3
    written = capsys.readouterr()
    assert written.err == (f"orbscan: error: no steps in {tmp_path}; try 'orbscan ls {tmp_path}'\n")
    assert not written.out
    assert main(["steps", str(tmp_path), "-o", "json"]) == 3
    assert json.loads(capsys.readouterr().out)["steps"] == []
    assert main(["steps", str(tmp_path / "missing")]) == 3
    assert "missing: does not exist" in capsys.readouterr().err


def test_the_mode_decides_what_is_committed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "1")
    assert main(["steps", str(tmp_path), "--atomicity", "commit_file"]) == 0
    assert "it has no commit_success.txt" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("1", "1"),
        ("002", "2"),
        ("latest", "3"),
        ("best:loss", "1"),
        ("best:loss:max", "1"),
        ("best:loss:min", "2"),
        ("best:a:b", "2"),
        ("best:a:b:min", "1"),
        ("best::min", "3"),
    ],
)
def test_a_command_reads_the_step_that_it_is_given(
    step: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "1", {"loss": 3, "a:b": 1})
    write_step(tmp_path, "2", {"loss": 1, "a:b": 2})
    write_step(tmp_path, "3", {":min": 0})
    # These steps have no tree: the message names the directory that was looked into.
    assert main(["show", str(tmp_path), "--step", step]) == 3
    assert capsys.readouterr().err.startswith(f"orbscan: error: {tmp_path / expected}: ")


@pytest.mark.parametrize("step", ["", "..", "a/b", "best:"])
def test_what_is_no_step_is_wrong_use(
    step: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["show", str(tmp_path), f"--step={step}"])
    assert caught.value.code == 2
    assert "is not a step" in capsys.readouterr().err


def test_a_step_that_is_not_there_is_not_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "1")
    assert main(["plan", str(tmp_path), "--step", "5"]) == 3
    assert "has no step 5, only 1" in capsys.readouterr().err


def test_a_directory_called_latest_is_read_by_its_path(
    copy: Copy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    for name in ("0", "final", "latest"):
        copy("o0.12.8-manager/run/0", f"run/{name}")
    assert main(["steps", str(tmp_path / "run")]) == 0
    told = "final, latest; --step NAME reads one of them, but latest by path only\n"
    assert told in capsys.readouterr().out


def test_metrics_are_shown_in_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        '{"a": 1.50, "b": {"c": 1E-3, "d": {"e": NaN}}, "f": "0.5", "f2": "good", "g": true, '
        '"h": null, "i": [1.0, -Infinity, "x", [2], {"y": 3}, []], "j": {}}'
    )
    step = write_step(tmp_path, "1", {})
    (step / "metrics" / "metrics").write_text(text)
    assert main(["steps", str(tmp_path)]) == 0
    assert (
        'a=1.5  b.c=0.001  b.d.e=NaN  f="0.5"  f2=good  g=true  h=null  '
        "i=[1.0, -Infinity, x, [...], {...}, []]  j={}\n"
    ) in capsys.readouterr().out
