"""What cannot be done is a sentence and an exit code, and leaves nothing half written."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from orbscan.cli.demo import unpack
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo"
    unpack(str(path))
    return path


@pytest.fixture
def run(demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(demo)

    def command(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        return status, *capsys.readouterr()

    return command


def shell(demo: Path, line: str, before: str = "", **environment: str) -> tuple[int, str, str]:
    """How a command ends in a shell of its own, and what it says."""
    program = shlex.join([sys.executable, "-m", "orbscan"])
    words = ["bash", "-c", f"{before}\n{program} {line}"]
    ended = processes.run(words, cwd=demo, env={**os.environ, **environment})
    return ended.returncode, ended.stdout, ended.stderr


WRONG = {
    "scan runs -o x.jsonl --table nothing": "argument --table: invalid choice: 'nothing'",
    "steps runs/base --columns step": "unrecognized arguments: --columns step",
    "ls runs --sort nothing": "--sort",
    "ls runs --committed --uncommitted": "argument --uncommitted: not allowed with argument",
    "show composite --name state --flat": "argument --flat: not allowed with argument --name",
    "show composite -o json --depth 1": "--depth",
    "diff composite composite -o json --all": "--all is for the table, not for JSON",
    "verify composite -q -v": "not allowed with argument",
    "verify composite --check-values": "need --level data",
    "steps runs/base --prefix a --no-prefix": "not allowed with argument --prefix",
    "scan runs -o x.table": "neither a format (json, jsonl) nor a file that ends in",
    "demo runs --nothing": "unrecognized arguments: --nothing",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_be_asked_for_is_a_usage_error(run: Run, line: str) -> None:
    status, out, err = run(*line.split())
    assert (status, out) == (2, "")
    *usage, message = err.splitlines()
    assert usage[0].startswith("usage: orbscan ")
    assert WRONG[line] in message


def test_an_unknown_metric_names_those_there_are(run: Run) -> None:
    status, out, err = run("best", "runs/base", "nothing:min")
    assert (status, out) == (3, "")
    assert err.endswith("has the metric 'nothing'; available: 'accuracy', 'loss'\n")


TABLES = ("show composite", "ls .", "steps runs/base", "du damaged/none", "verify damaged")


ASCII = {
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONCOERCECLOCALE": "0",
}
DIFFS = ("diff models/before models/after", "diff damaged/none damaged/lost --values")


def fits(line: str, columns: int) -> bool:
    """Whether a line fits a terminal, or is one word that must stay whole behind its label."""
    return len(line) <= columns or len(line.split()) <= 2


@pytest.mark.parametrize("line", [*TABLES, *DIFFS])
@pytest.mark.parametrize("columns", [20, 80])
def test_a_terminal_of_any_width_gets_tables_that_fit(
    run: Run, monkeypatch: pytest.MonkeyPatch, line: str, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    status, out, _ = run(*line.split())
    assert status in {0, 1, 5}
    if line.startswith("verify"):
        assert all(fits(shown, columns) for shown in out.splitlines())
    wide, *_ = run(*line.split(), "--wide")
    assert wide == status


def test_a_report_of_verify_is_folded_and_says_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    _, whole, _ = run("verify", "damaged/cut")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, folded, _ = run("verify", "damaged/cut")
    _, wide, _ = run("verify", "damaged/cut", "--wide")
    assert wide == whole
    assert "".join(folded.split()) == "".join(whole.split())
    assert all(fits(line, 60) for line in folded.splitlines())
    path = "damaged/cut/state/ocdbt.process_0/d/6c27ed86492a75eb84d0bd4edb06566b"
    assert f"  where     {path},\n            byte 4521\n" in folded


@pytest.mark.parametrize("line", [*TABLES, *DIFFS, "dump composite/_CHECKPOINT_METADATA"])
def test_a_locale_without_utf_8_loses_no_character(demo: Path, line: str) -> None:
    status, out, err = shell(demo, line, **ASCII)
    assert out.isascii()
    assert "Traceback" not in err
    assert (status, out) == shell(demo, line)[:2]


def test_a_name_that_the_locale_has_not_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "été"
    assert shell(tmp_path, f"demo {shlex.quote(str(path))}", **ASCII)[0] == 0
    status, out, _ = shell(tmp_path, "ls .", **ASCII)
    assert status == 5
    assert out.isascii()
    assert r"\xe9t\xe9" in out or r"\udcc3" in out


@pytest.mark.parametrize("line", [*TABLES, "scan runs -o json", "diff composite composite -o json"])
def test_a_closed_pipe_is_no_error(demo: Path, line: str) -> None:
    status, out, err = shell(demo, f"{line} | true; exit ${{PIPESTATUS[0]}}")
    assert (out, err) == ("", "")
    # What is short enough was written before anybody closed the pipe.
    assert status in {141, 0, 1, 5}


@pytest.mark.parametrize("line", [*TABLES, *DIFFS, "scan runs -o json", "latest runs/base", "help"])
def test_a_full_disk_is_told(demo: Path, line: str) -> None:
    status, out, err = shell(demo, f"{line} > /dev/full")
    assert (status, out) == (4, "")
    assert err == "orbscan: error: standard output: No space left on device\n"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "arrow"])
def test_a_table_that_does_not_fit_on_the_disk_leaves_nothing(
    demo: Path, tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"table.{ending}"
    file.write_text("what was there before")
    # So many KiB for each file that is written.
    status, out, err = shell(demo, f"scan . -o {file}", "ulimit -f 1")
    assert (status, out) == (4, "")
    assert err == f"orbscan: error: {file}: File too large\n"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "what was there before"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "arrow"])
def test_a_file_that_cannot_be_written_is_named_as_it_was_given(
    run: Run, tmp_path: Path, ending: str
) -> None:
    (tmp_path / "file").touch()
    for directory, reason in (("file", "Not a directory"), ("none", "No such file or directory")):
        file = f"{tmp_path}/{directory}/x.{ending}"
        status, out, err = run("scan", "runs", "-o", file)
        assert (status, out) == (4, "")
        assert err == f"orbscan: error: {file}: {reason}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_scan_says_what_it_wrote(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "leaves.jsonl"
    status, out, err = run("scan", "runs/base", "--committed", "-o", str(file))
    assert (status, out) == (0, "")
    assert err == f"wrote 42 rows of 6 checkpoints to {file}\n"
    assert len(file.read_text().splitlines()) == 42


def test_a_scan_on_a_terminal_wants_to_be_told_where_rows_go(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    status, out, err = run("scan", "runs")
    assert (status, out) == (2, "")
    assert "-o" in err.splitlines()[-1]
    status, out, _ = run("scan", "runs", "-o", "json")
    assert status == 5
    assert len(json.loads(out)["rows"]) == 57


def test_what_the_file_system_refuses_is_unreadable_and_totals_count_it(
    run: Run, tmp_path: Path, demo: Path
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    status, out, _ = run("ls", str(tmp_path / "loop"), str(demo / "copied"))
    assert status == 5
    assert " unreadable " in out
    *_, total = out.splitlines()
    assert total == "total      4 checkpoints: 1 broken, 2 committed, 1 unreadable; 512 B in memory"


def test_steps_two_levels_below_are_found(run: Run, tmp_path: Path) -> None:
    import shutil

    shutil.copytree("runs", tmp_path / "there" / "runs")
    for command in ("steps", "show", "verify"):
        status, _, err = run(command, str(tmp_path / "there"))
        if command == "verify":
            # It looks into all that is below.
            assert status == 1
            continue
        assert status == 3
        assert "runs/base with 6 steps (1000 to 1500), runs/wide with 3 steps" in err
        assert f"'orbscan steps {tmp_path}/there/runs/base'" in err


def test_values_of_a_lost_chunk_are_a_sentence_and_an_exit_code(run: Run) -> None:
    status, out, err = run("diff", "damaged/cut", "damaged/lost", "--values")
    assert (status, err) == (5, "")
    assert "a: chunks whose bytes are not there: 1 of 8 chunks: (3,1)" in out
    assert "b: chunks that the store does not have: 1 of 8 chunks: (2,1)" in out
