"""`orbscan ls` and `orbscan scan` over real checkpoints."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import ls, main, progress
from tests.large import trees
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ALL = ["a/9", "a/10", "a/100", "b/step_0007", "b/step_0008"]


class Outcome:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Outcome:
        try:
            status = main([*map(str, arguments)])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        return Outcome(status, *capsys.readouterr())

    return run


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_ls_shows_a_line_for_each_with_the_newest_last(runs: Path, run: Any) -> None:
    (runs / "a" / "10" / "state" / "_METADATA").write_text("{")
    shutil.copytree(runs / "a" / "9", runs / "a" / "101.orbax-checkpoint-tmp")
    shown = run("ls", runs)
    assert shown.status == 5
    lines = shown.out.splitlines()
    assert lines[0] == str(runs / "a")
    assert [line.split()[0] for line in lines[2:6]] == ["9", "10", "100", "101"]
    assert "broken" in lines[3]
    assert "_METADATA" in lines[3]
    assert "uncommitted" in lines[5]
    assert lines[-1].startswith("total      6 checkpoints: 1 broken, 4 committed, 1 uncommitted; ")


def test_ls_as_json_has_a_row_for_each(runs: Path, run: Any) -> None:
    shown = run("ls", runs / "a", "-o", "json", "--steps", "9:10")
    document = json.loads(shown.out)
    assert (shown.status, document["schema_version"]) == (0, 1)
    assert [row["step"] for row in document["checkpoints"]] == [9, 10]
    whole = orbscan.metadata(runs / "a" / "9")
    (row, _) = document["checkpoints"]
    assert row["checkpointables"] == ["state"]
    assert row["leaves"] == sum(1 for _ in _leaves(whole.metadata))
    assert row["save_duration_nsecs"] == (
        whole.commit_timestamp_nsecs - whole.init_timestamp_nsecs  # type: ignore[operator]
    )


def _leaves(tree: Any) -> Any:
    if isinstance(tree, dict | list | tuple) and tree:
        for child in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(child)
    else:
        yield tree


def test_ages_are_counted_from_a_given_time(runs: Path) -> None:
    from orbscan import _core

    committed = orbscan.metadata(runs / "a" / "9").commit_timestamp_nsecs
    assert committed is not None
    entries = _core.scan([str(runs / "a" / "9")], ordered=True)
    found = ls.Found(entries, committed + 3 * 86_400 * 10**9)
    ((_, cells),) = found.checkpoints
    assert cells[3] == "3.0 d"


def test_where_nothing_is_the_exit_code_says_so(tmp_path: Path, run: Any) -> None:
    for command in ("ls", "scan"):
        shown = run(command, tmp_path)
        assert shown.status == 3
        assert "no checkpoint below" in shown.err
    assert run("scan", tmp_path, "--shard", "0/2").status == 0


def test_scan_writes_a_document_of_rows(runs: Path, run: Any) -> None:
    shown = run("scan", runs, "--ordered", "--table", "checkpoints")
    document = json.loads(shown.out)
    assert (shown.status, shown.err) == (0, "")
    assert (document["schema_version"], document["table"]) == (1, "checkpoints")
    assert [row["path"] for row in document["rows"]] == [str(runs / way) for way in ALL]
    leaves = json.loads(run("scan", runs / "a" / "9").out)["rows"]
    document = json.loads(run("show", runs / "a" / "9", "-o", "json").out)
    assert [row["nbytes"] for row in leaves] == [leaf["nbytes"] for leaf in document["leaves"]]
    keys = [[entry["key"] or entry["index"] for entry in row["keys"]] for row in leaves]
    assert keys == [leaf["keypath"] for leaf in document["leaves"]]


def test_paths_come_from_stdin(runs: Path, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{runs / 'a' / '9'}\n{runs / 'b'}\n"))
    shown = run("scan", "-", "--table", "checkpoints", "--ordered")
    paths = [row["path"] for row in json.loads(shown.out)["rows"]]
    assert paths == [str(runs / way) for way in ("a/9", "b/step_0007", "b/step_0008")]


def test_paths_on_stdin_are_split_at_newlines_only(
    runs: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = runs / "b" / "odd\u2028name\x0b\r1"
    (runs / "a" / "9").rename(odd)
    for text in (f"{odd}\n", f"{odd}\0{runs / 'nothing'}\0".replace("nothing", "a/10")):
        stream = io.TextIOWrapper(io.BytesIO(os.fsencode(text)))
        monkeypatch.setattr("sys.stdin", stream)
        shown = run("ls", "-", "-o", "json")
        assert shown.status == 0
        assert json.loads(shown.out)["checkpoints"][0]["path"] == str(odd)


@pytest.mark.parametrize("command", ["show", "du", "steps"])
def test_one_path_can_come_from_stdin(
    runs: Path, run: Any, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    path = runs / "a" if command == "steps" else runs / "a" / "9"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{path}\n"))
    shown = run(command, "-", "-o", "json")
    assert (shown.status, json.loads(shown.out)["path"]) == (0, str(path))
    if command == "du":
        # It takes any number.
        return
    for text, count in (("", "got 0"), ("a\nb\n", "got 2")):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        shown = run(command, "-")
        assert shown.status == 2
        assert count in shown.err


def test_shares_are_disjoint_and_complete(runs: Path, run: Any) -> None:
    found = []
    for share in ("0/3", "1/3", "2/3"):
        shown = run("ls", runs, "--shard", share, "-o", "json")
        assert shown.status == 0
        paths = sorted(row["path"] for row in json.loads(shown.out)["checkpoints"])
        roots = [runs / "a", *sorted(runs.glob("b/*"))]
        checked = run("verify", *roots, "--shard", share, "-o", "json")
        assert checked.status == 0
        assert sorted(json.loads(line)["path"] for line in checked.out.splitlines()) == paths
        found += paths
    assert sorted(found) == sorted(str(runs / way) for way in ALL)


def test_where_no_root_exists_nothing_is_touched(runs: Path, run: Any, tmp_path: Path) -> None:
    target = tmp_path / "table.jsonl"
    target.write_text("old\n")
    gone = runs / "gone"
    files = (("scan", "-o", target), ("scan", "-o", tmp_path / "t.parquet"))
    for arguments in (("ls",), ("scan",), *files):
        shown = run(arguments[0], gone, runs / "a" / "9" / "gone*", *arguments[1:])
        assert (shown.status, shown.out) == (3, "")
        assert f"{gone}, " in shown.err
        assert shown.err.endswith(": do not exist\n")
    assert target.read_text() == "old\n"
    assert not (tmp_path / "t.parquet").exists()
    shown = run("ls", gone, runs)
    assert shown.status == 5
    assert "6 checkpoints: 1 broken, 5 committed" in shown.out


def test_where_options_leave_nothing_they_are_named(runs: Path, run: Any) -> None:
    for command in ("ls", "scan"):
        shown = run(command, runs, "--steps", "500:", "--uncommitted")
        assert shown.status == 3
        assert "matches --steps and --uncommitted" in shown.err


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_terminated_scan_takes_its_file_away(step: Path, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"table.{ending}"
    target.write_text("old\n")
    program = (
        "import os, signal, sys\n"
        "from orbscan.cli import main, progress\n"
        "class Line(progress.Line):\n"
        "    def __enter__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "progress.Line = Line\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    ended = processes.run([sys.executable, "-c", program, "scan", step, "-o", target])
    assert (ended.returncode, ended.stderr) == (143, "")
    assert target.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_a_terminal_shows_how_far_the_scan_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a pseudo-terminal, and without an estimate while directories wait."""
    master, slave = os.openpty()
    reports = iter([(1_100, 1_100, 390), (5_000, 2_000, 0)])

    class Waiting:
        def progress(self) -> tuple[int, int, int]:
            report = next(reports, None)
            if report is None:
                over.set()
            return report or (5_000, 5_000, 0)

    over = threading.Event()
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        with progress.Line(Waiting()):  # type: ignore[arg-type]
            assert over.wait(processes.HANGS)
        terminal.write("end")
        terminal.flush()
        text = ""
        while not text.endswith("end"):
            text += os.read(master, 10_000).decode()
    os.close(master)
    shown = text.split("\r\x1b[K")
    assert shown[1].endswith("/s, 390 directories to go")
    assert "3,000 to read, 0:0" in shown[2]
    assert shown[2].endswith(" left")
    assert shown[-1] == "end"


def test_a_broken_checkpoint_is_a_row_and_an_exit_code(
    runs: Path, run: Any, tmp_path: Path
) -> None:
    (runs / "a" / "10" / "state" / "_METADATA").write_text("{")
    target = tmp_path / "leaves.jsonl"
    shown = run("scan", runs, "-o", target)
    assert shown.status == 5
    assert "1 of 5 checkpoints could not be read completely" in shown.err
    (row,) = [row for row in rows(target) if row["error"]]
    assert (row["path"], row["keypath"], row["error_kind"]) == (
        str(runs / "a" / "10"),
        None,
        "malformed",
    )
    assert [*tmp_path.glob(".*")] == []


@pytest.mark.parametrize("table", ["leaves", "checkpoints"])
def test_a_second_scan_takes_over_what_has_not_changed(
    runs: Path, run: Any, tmp_path: Path, table: str
) -> None:
    first, second, whole = (tmp_path / f"{name}.jsonl" for name in ("first", "second", "whole"))
    assert run("scan", runs, "--table", table, "-o", first).status == 0
    shutil.copytree(runs / "a" / "9", runs / "a" / "11")
    (runs / "b" / "step_0008" / "_CHECKPOINT_METADATA").write_text("{}")
    assert run("scan", runs, "--table", table, "-o", second, "--since", first).status == 0
    assert run("scan", runs, "--table", table, "-o", whole).status == 0

    def comparable(path: Path) -> list[str]:
        return sorted(json.dumps({**row, "state": None}) for row in rows(path))

    assert comparable(second) == comparable(whole)
    if table == "checkpoints":
        states = sorted(row["state"] for row in rows(second))
        assert states == ["read", "read", "unchanged", "unchanged", "unchanged", "unchanged"]


def test_a_file_that_is_no_table_is_refused(runs: Path, run: Any, tmp_path: Path) -> None:
    previous = tmp_path / "previous.jsonl"
    previous.write_text('{"path": 1}\n')
    shown = run("scan", runs, "-o", tmp_path / "new.jsonl", "--since", previous)
    assert shown.status == 2
    assert "previous.jsonl: line 1 is not a row of an earlier scan" in shown.err
    assert not (tmp_path / "new.jsonl").exists()


def test_the_file_of_another_table_is_refused(runs: Path, run: Any, tmp_path: Path) -> None:
    previous, new = tmp_path / "previous.jsonl", tmp_path / "new.jsonl"
    for first, second in (("leaves", "checkpoints"), ("checkpoints", "leaves")):
        assert run("scan", runs, "--table", first, "-o", previous).status == 0
        shown = run("scan", runs, "--table", second, "-o", new, "--since", previous)
        assert shown.status == 2
        assert f"not of {second}" in shown.err
        assert not new.exists()


@pytest.mark.parametrize("part", ["checkpointable", "leaf"])
def test_a_lost_part_is_an_exit_code(runs: Path, run: Any, tmp_path: Path, part: str) -> None:
    checkpoint = runs / "a" / "10"
    metadata = checkpoint / "state" / "_METADATA"
    if part == "leaf":
        tree = json.loads(metadata.read_text())
        next(iter(tree["tree_metadata"].values()))["key_metadata"][0]["key"] = "lost"
        metadata.write_text(json.dumps(tree))
    else:
        shutil.copytree(checkpoint / "state", checkpoint / "other")
        (checkpoint / "other" / "_METADATA").write_text("{")
    shown = run("ls", runs)
    assert shown.status == 5
    (line,) = [line for line in shown.out.splitlines() if "incomplete  " in line]
    assert ("leaf lost" if part == "leaf" else "_METADATA") in line
    assert run("ls", runs, "-o", "json").status == 5
    for table in ("leaves", "checkpoints"):
        for target in ("json", tmp_path / "t.jsonl", tmp_path / "t.parquet", tmp_path / "t.csv"):
            shown = run("scan", runs, "--table", table, "-o", target)
            assert shown.status == 5
            assert "1 of 5 checkpoints could not be read completely" in shown.err


def test_tolerated_faults_are_no_lost_parts(runs: Path, run: Any, tmp_path: Path) -> None:
    (runs / "a" / "10" / "state" / "_sharding").unlink()
    assert run("ls", runs).status == 0
    assert run("scan", runs, "--table", "checkpoints", "-o", tmp_path / "t.parquet").status == 0


def test_a_link_is_followed_to_the_file_that_is_written(
    runs: Path, run: Any, tmp_path: Path
) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to("table.jsonl")
    assert run("scan", runs, "-o", link).status == 0
    assert link.is_symlink()
    assert rows(tmp_path / "table.jsonl")


def test_an_interrupted_scan_leaves_the_old_file(
    runs: Path, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "table.jsonl"
    target.write_text("old\n")

    class Interrupted:
        table = "leaves"

        def json_lines(self) -> Iterator[tuple[bytes, int]]:
            yield b"{}\n", 1
            raise KeyboardInterrupt

    monkeypatch.setattr("orbscan._core.leaf_stream", lambda *_, **__: Interrupted())
    assert run("scan", runs, "-o", target).status == 130
    assert target.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["table.jsonl"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "table.txt"],
        ["--since", "old.parquet"],
        ["-o", "new.jsonl", "--since", "old.parquet"],
        ["--shard", "2/2"],
        ["--steps", "a:b"],
        ["--latest", "0"],
    ],
)
def test_wrong_use_is_told(runs: Path, run: Any, arguments: list[str]) -> None:
    shown = run("scan", runs, *arguments)
    assert shown.status == 2
    assert "usage: orbscan scan" in shown.err


def test_a_missing_library_is_named(
    runs: Path, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    shown = run("scan", runs, "-o", tmp_path / "table.parquet")
    assert shown.status == 2
    assert "pip install 'orbscan[tables]'" in shown.err


def test_a_document_that_fails_halfway_ends_and_says_so(
    runs: Path, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [(b'{"path": "a"}\n{"path": "b"}\n', 2)]

    class Failing:
        def json_lines(self, *, ascii: bool) -> Iterator[tuple[bytes, int]]:  # noqa: A002
            assert ascii
            yield from pieces
            raise MemoryError

    monkeypatch.setattr("orbscan._core.checkpoint_stream", lambda *_, **__: Failing())
    shown = run("scan", runs, "-o", "json", "--table", "checkpoints")
    document = json.loads(shown.out)
    assert [row["path"] for row in document["rows"]] == ["a", "b"]
    assert (document["error"], shown.status) == ("MemoryError", 4)
    # Before the first row there is nothing to end.
    pieces.clear()
    nothing = run("scan", runs, "-o", "json", "--table", "checkpoints")
    assert (nothing.out, nothing.status) == ("", 4)


LACKING = """
    import resource, sys
    import orbscan
    from orbscan.cli import main

    path, *arguments = sys.argv[1:]
    from orbscan import _core

    # What is imported anyway.
    main([*arguments, path + "/nothing"])
    pages = int(open("/proc/self/statm").read().split()[0])
    most = pages * resource.getpagesize() + (16 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    print(main([*arguments, path]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
@pytest.mark.parametrize(
    "arguments",
    [
        ["ls", "--threads=1"],
        ["ls", "--threads=1", "-o", "json"],
        ["scan", "--threads=1", "-o", "json"],
        ["scan", "--threads=1", "-o", "{}/rows.jsonl"],
        ["scan", "--threads=1", "-o", "{}/rows.parquet"],
    ],
)
def test_a_checkpoint_that_there_is_no_memory_for_is_an_error(
    tmp_path: Path, arguments: list[str]
) -> None:
    large = trees.write(tmp_path / "large", 150_000)
    arguments = [word.format(tmp_path) for word in arguments]
    ended = processes.run([sys.executable, "-c", textwrap.dedent(LACKING), large, *arguments])
    assert ended.stdout.splitlines()[-1] == "4"
    assert "memory" in ended.stderr.splitlines()[-1]
