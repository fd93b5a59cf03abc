"""`orbscan verify` and `orbscan du`: what they print, and their exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.checking.findings import Chunks, Finding
from orbscan.cli import main
from orbscan.scanning import api

if TYPE_CHECKING:
    from pathlib import Path

    from orbscan.checking.verdict import Progress
    from tests.checking.conftest import Unpacked


@pytest.fixture
def damaged(unpacked: Unpacked) -> Path:
    checkpoint = unpacked("o0.12.8-no-ocdbt", "sharded")
    (checkpoint / "short" / "3.0").unlink()
    return checkpoint


def test_an_intact_checkpoint_is_a_line_or_two(
    v1: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(v1)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{v1}: ok at level index"
    assert second.strip() == "looked at 7 leaves, 46 chunks, 1 node, 7 files"
    assert main(["verify", "--quiet", str(v1)]) == 0
    assert not capsys.readouterr().out


def test_a_finding_says_what_is_lost_and_what_it_means(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(damaged)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{damaged}: damaged at level index (1 error)"
    assert lines[2] == "  lost      1 leaf: short; the other 6 leaves can be restored without them"
    assert lines[3:] == [
        "  restores  v1: fails; v0: fails",
        "error chunk-missing: short: chunks that the store does not have",
        "  lost      1 of 8 chunks: (3,0), in elements [3:4, 0:4]",
        "  expected  8 chunks",
        "  found     7 chunks",
        "  means     these elements are lost; a restore fails, or fills them with the fill value",
    ]


def test_json_has_stable_members(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(damaged), "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert (document["ok"], document["complete"], document["level"]) == (False, True, "index")
    assert document["counts"] == {"error": 1, "warning": 0, "note": 0}
    assert document["lost_leaves"] == [
        {"checkpointable": None, "keypath": ["short"], "param_name": "short", "leaf": "short"}
    ]
    (finding,) = document["findings"]
    assert finding["code"] == "chunk-missing"
    assert finding["chunks"]["runs"] == [[[3, 0], [3, 0]]]
    fails = {"v1": "fails", "v1_target": "fails", "v0": "fails"}
    assert finding["restores"] == document["restores"] == fails


def test_a_report_says_for_whom_it_speaks(v1: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = "v1: works; v0: works"
    assert str(orbscan.verify(v1).restores) == whole
    assert main(["verify", str(v1)]) == 0
    assert "restores" not in capsys.readouterr().out
    (v1 / "state" / "_sharding").write_text("")
    assert main(["verify", str(v1)]) == 0
    line = "  restores  v1: fails without a target, works with one; v0: fails"
    assert capsys.readouterr().out.splitlines()[2] == line
    # Two findings stop what either stops.
    (v1 / "_CHECKPOINT_DELETION").write_text("{}")
    assert str(orbscan.verify(v1).restores) == "v1: fails; v0: works"


def test_notes_alone_stop_nobody(unpacked: Unpacked, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = unpacked("o0.12.8-composite", "ckpt")
    (checkpoint / "commit_success.txt").unlink()
    assert main(["verify", str(checkpoint)]) == 0
    assert "restores" not in capsys.readouterr().out


def test_several_checkpoints_are_summed_up(
    v1: Path, damaged: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{v1}\n\n{damaged}\n"))
    assert main(["verify", "-q", "-"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "2 checkpoints: 1 ok, 1 damaged, 1 leaf lost"


def test_a_directory_of_checkpoints_is_searched(
    v1: Path,
    damaged: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    calls: list[tuple[str, dict[str, Any]]] = []

    def begun(root: str, **options: Any) -> list[SimpleNamespace]:
        calls.append((root, options))
        paths = (v1, damaged, tmp_path / "gone")
        return [SimpleNamespace(path=str(path), committed=True) for path in paths]

    monkeypatch.setattr(api, "begun", begun)
    root = v1.parent
    assert main(["verify", str(root)]) == 1
    shown = capsys.readouterr()
    last = shown.out.splitlines()[-1]
    assert last == "3 checkpoints: 1 ok, 1 damaged, 1 leaf lost, 1 could not be checked"
    assert "gone" in shown.err
    ((searched, options),) = calls
    assert (searched, options["leaves"], options["ordered"]) == (str(root), False, True)


def test_what_could_not_be_looked_at_is_not_called_unfinished(
    v1: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "odd"
    shutil.copytree(v1, root / "7")
    shutil.copytree(v1, root / os.fsdecode(b"caf\xe9_8"))
    assert main(["verify", str(root)]) == 5
    shown = capsys.readouterr()
    *_, last = shown.out.splitlines()
    assert last == "2 checkpoints: 1 ok, 0 damaged, 0 leaves lost, 1 could not be checked"
    assert "its name is not UTF-8" in shown.err


def test_a_whole_tree_of_directories_is_searched(
    v1: Path, damaged: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "deep"
    for path, place in ((v1, "a/run/1"), (damaged, "a/run/2"), (v1, "b/ckpt")):
        shutil.copytree(path, root / place)
    for top in (root, root / "a"):
        assert main(["verify", "-q", str(top)]) == 1
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "2 checkpoints: 1 ok, 1 damaged, 1 leaf lost"
    assert main(["verify", str(root)]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 checkpoints: 2 ok, 1 damaged")


def test_each_of_several_paths_is_checked_whatever_comes_first(
    v1: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    for paths in ([gone, v1], [v1, gone], [gone, v1, gone]):
        assert main(["verify", "-v", *map(str, paths)]) == 5
        shown = capsys.readouterr()
        assert f"{v1}: ok" in shown.out
        assert str(gone) in shown.err
    assert main(["verify", str(gone)]) == 3


def test_of_several_those_are_shown_in_which_something_is_wrong(
    v1: Path, damaged: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    for path, name in ((v1, "1"), (v1, "2"), (damaged, "3"), (v1, "4.orbax-checkpoint-tmp")):
        shutil.copytree(path, root / name)
    (root / "2" / "state" / "_sharding").write_text("")
    summary = "4 checkpoints: 2 ok, 1 damaged, 1 leaf lost, 1 uncommitted"
    shown = {
        ("-v",): ["1: ok", "2: ok", "3: damaged", "4.orbax-checkpoint-tmp: uncommitted"],
        (): ["2: ok", "3: damaged", "4.orbax-checkpoint-tmp: uncommitted"],
        ("-q",): ["3: damaged"],
    }
    for options, expected in shown.items():
        assert main(["verify", str(root), *options]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == summary
        about = [line.removeprefix(f"{root}/") for line in lines if line.startswith(str(root))]
        assert [line.partition(" at ")[0].partition(": its")[0] for line in about] == expected


def test_a_directory_without_damage_is_a_sum(
    v1: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(v1, tmp_path / "root" / "1")
    assert main(["verify", str(tmp_path / "root")]) == 0
    assert capsys.readouterr().out == "1 checkpoint: 1 ok, 0 damaged, 0 leaves lost\n"
    shutil.move(tmp_path / "root" / "1", tmp_path / "root" / "1.orbax-checkpoint-tmp")
    assert main(["verify", "-q", str(tmp_path / "root")]) == 0


def test_chunks_without_a_checksum_are_told(
    unpacked: Unpacked, capsys: pytest.CaptureFixture[str]
) -> None:
    path = unpacked("o0.12.8-no-ocdbt", "sharded")
    report = orbscan.verify(path, level="data")
    assert 0 < report.extent.unsealed <= report.extent.chunks
    assert orbscan.verify(path).extent.unsealed == 0
    assert main(["verify", "--level", "data", str(path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "unsealed" in line]
    assert line == (
        f"  unsealed  {report.extent.unsealed} chunks carry no checksum: "
        "a changed byte in them can go undetected"
    )
    other = str(unpacked("o0.12.8-flat", "ckpt"))
    assert main(["verify", "--level", "data", str(path), other]) == 0
    assert "carry no checksum" in capsys.readouterr().out.splitlines()[-1]


def test_nothing_on_stdin_is_nothing_to_check(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["verify", "-"]) == 3
    assert "nothing to check" in capsys.readouterr().err


def test_a_directory_without_any_checkpoint_is_said_to_be_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["verify", str(tmp_path)]) == 3
    assert str(tmp_path) in capsys.readouterr().err


def test_a_step_of_a_root_is_checked_and_measured(
    v1: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "7").symlink_to(v1)
    assert main(["verify", str(tmp_path), "--step", "latest"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / '7'}: ok")
    assert orbscan.verify(tmp_path, step=7).ok
    assert orbscan.du(tmp_path, step=7).leaves == orbscan.du(v1).leaves
    assert main(["du", str(tmp_path), "--step", "7"]) == 0


def test_what_is_no_checkpoint_is_no_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path / "gone")]) == 3
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--check-values"], ["--max-bandwidth", "1MB"]])
def test_options_of_the_level_data_need_it(v1: Path, options: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["verify", str(v1), *options])
    assert exit_.value.code == 2


def test_wrong_arguments_are_refused(v1: Path) -> None:
    with pytest.raises(ValueError, match="expected one of structure, index, data"):
        orbscan.verify(v1, level="deep")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive number of bytes"):
        orbscan.verify(v1, level="data", max_bandwidth=0)


def test_what_progress_raises_ends_the_check(v1: Path) -> None:
    def refuse(_: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        orbscan.verify(v1, level="data", progress=refuse)


def test_progress_is_told(v1: Path) -> None:
    told: list[Progress] = []
    report = orbscan.verify(v1, level="data", progress=told.append, max_bandwidth=1 << 40)
    assert report.ok
    assert told[-1].chunks == 46


def test_names_from_files_cannot_steer_a_terminal() -> None:
    finding = Finding(
        "chunk-missing", "error", "a\x1b[31m", "lost", param_name="b\x1b[0m", file="\x07"
    )
    assert "\x1b" not in str(finding)
    assert "\x07" not in str(finding)


def test_chunks_that_are_not_told_apart_are_counted() -> None:
    assert str(Chunks(5, 1 << 40, (), None, None)) == "5 of 1,099,511,627,776 chunks"
    many = Chunks(3, 9, (((0,), (0,)), ((2,), (3,))), 7, ((0, 4),))
    assert str(many) == "3 of 9 chunks: (0) (2)..(3) 7 more runs, in elements [0:4]"


def test_du_shows_leaves_files_and_totals(v1: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["du", str(v1)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["LEAF", "TYPE", "CHUNKS", "MEMORY", "STORED", "RATIO"]
    assert lines[1].split() == ["state/joint", "float32", "8", "128", "B", "296", "B", "0.43"]
    assert any(line.startswith("chunks     1.7 KiB for 896 B in memory") for line in lines)
    assert main(["du", str(v1), "--depth", "0"]) == 0
    assert "state/**  7 leaves      46   896 B  1.7 KiB   0.53" in capsys.readouterr().out


def test_du_json_has_stable_members(v1: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["du", str(v1), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["totals"]["nbytes"] == 896
    assert document["types"] == {"float32": {"leaves": 7, "nbytes": 896, "stored": 1_702}}
    assert document["leaves"][0] == {
        "checkpointable": "state",
        "keypath": ["joint"],
        "param_name": "joint",
        "dtype": "float32",
        "nbytes": 128,
        "stored": 296,
        "inline": 296,
        "chunks": 8,
        "readable": True,
    }
    files = sum(file["size"] for file in document["files"])
    everything = sum(path.stat().st_size for path in v1.rglob("*") if path.is_file())
    assert document["totals"]["total"] == files == everything


def test_du_tells_the_faults_that_it_tolerates(
    unpacked: Unpacked, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = unpacked("o0.12.8-damaged-flat-sharding", "missing")
    usage = orbscan.du(checkpoint)
    (issue,) = usage.issues
    assert main(["du", str(checkpoint), "-o", "json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == json.loads(json.dumps(usage.to_dict()))
    assert shown.err == f"orbscan: warning: {issue}\n"
