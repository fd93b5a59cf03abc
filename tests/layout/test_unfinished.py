"""Saves that never finished: items, partial saves, half-copied steps."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Copy = Callable[[str, str], Path]

TEMPORARY = "params.orbax-checkpoint-tmp-1703334121930256"


@pytest.mark.parametrize("header", [True, False])
def test_an_unfinished_item_is_an_error_that_names_its_directory(
    copy: Copy, *, header: bool
) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    (step / "params").rename(step / TEMPORARY)
    if not header:
        (step / "_CHECKPOINT_METADATA").unlink()
    (finding,) = [f for f in orbscan.verify(step).findings if f.severity == "error"]
    assert finding.code == "checkpointable-unfinished"
    assert TEMPORARY in finding.reason
    for read in (orbscan.metadata(step), orbscan.checkpointables_metadata(step)):
        assert [TEMPORARY in issue.reason for issue in read.issues] == [True]
    with pytest.raises(orbscan.InvalidLayoutError, match="never finished"):
        orbscan.metadata(step, "params")


def test_an_unfinished_item_is_one_by_its_own_name_too(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    (step / "params").rename(step / TEMPORARY)
    (issue,) = orbscan.metadata(step, TEMPORARY).issues
    assert "never finished" in issue.reason
    codes = {finding.code for finding in orbscan.verify(step, TEMPORARY).findings}
    assert "checkpointable-unfinished" in codes
    assert not orbscan.metadata(step, "state").issues


def test_a_temporary_name_is_not_chosen_while_a_final_one_is_there(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    expected = orbscan.metadata(step, "params").metadata
    # By its name it would come first.
    (step / "state").rename(step / "a.orbax-checkpoint-tmp-1")
    assert orbscan.metadata(step).metadata == expected
    (entry,) = orbscan.scan(step)
    assert entry.metadata is not None
    assert entry.metadata.metadata == expected


PARTIAL = ["old.partial_save", "new.partial_save"]


@pytest.fixture
def partial(copy: Copy, tmp_path: Path) -> Path:
    """Partial saves in the two layouts that releases have left behind."""
    copy("o0.12.8-v1/ckpt", "old.partial_save")
    copy("o0.12.8-v1-partial/open.partial_save", "new.partial_save")
    return tmp_path


@pytest.mark.parametrize("name", PARTIAL)
def test_a_partial_save_is_uncommitted(
    partial: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report = orbscan.verify(partial / name)
    assert [f.code for f in report.findings if f.severity == "error"] == ["uncommitted"]
    assert main(["verify", str(partial / name)]) == 1
    main(["show", str(partial / name)])
    assert "partial save that was never finalized" in "".join(capsys.readouterr())


def test_a_partial_save_of_safetensors_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c.partial_save"
    path.mkdir()
    header = b'{"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}'
    content = len(header).to_bytes(8, "little") + header + b"\1"
    (path / "model.safetensors").write_bytes(content)
    assert [issue.kind for issue in orbscan.metadata(path).issues] == ["uncommitted"]


def test_a_temporary_directory_can_be_looked_into_on_purpose(
    copy: Copy, capsys: pytest.CaptureFixture[str]
) -> None:
    leftover = copy("o0.12.8-manager/run/0", "10.orbax-checkpoint-tmp")
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.metadata(leftover)
    read = orbscan.metadata(leftover, allow_uncommitted=True)
    assert [issue.kind for issue in read.issues] == ["uncommitted"]
    everything = orbscan.checkpointables_metadata(leftover, allow_uncommitted=True)
    assert everything.metadata["state"] == read.metadata
    assert main(["show", str(leftover)]) == 3
    assert main(["show", "--uncommitted", str(leftover)]) == 0
    assert "its name is temporary" in capsys.readouterr().out


def test_the_atomicity_decides_for_every_command(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    (step / "commit_success.txt").unlink()
    assert orbscan.is_orbax_checkpoint(step)
    assert not orbscan.is_orbax_checkpoint(step, atomicity="commit_file")
    with pytest.raises(orbscan.InvalidLayoutError, match=r"no commit_success\.txt"):
        orbscan.metadata(step, atomicity="commit_file")
    report = orbscan.verify(step, atomicity="commit_file")
    assert [f.code for f in report.findings] == ["uncommitted"]
    assert main(["verify", str(step), "--atomicity", "commit_file"]) == 1
    assert main(["show", str(step), "--atomicity", "commit_file"]) == 3
    with pytest.raises(ValueError, match="atomicity"):
        orbscan.metadata(step, atomicity="rename")  # type: ignore[arg-type]


@pytest.fixture
def half_copied(copy: Copy, tmp_path: Path) -> Path:
    """Two whole steps and three of which only a part is there."""
    copy("o0.12.8-manager/run/0", "run/10")
    copy("o0.12.8-manager/run/0", "run/20")
    run = tmp_path / "run"
    shutil.copytree(run / "20" / "state", run / "30" / "state")
    (run / "30" / "state" / "_METADATA").unlink()
    shutil.copytree(run / "20" / "state" / "d", run / "40" / "state" / "d")
    (run / "50").mkdir()
    return run


def test_half_copied_steps_are_broken_everywhere(
    half_copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = {entry.step: entry for entry in orbscan.scan(half_copied)}
    assert set(entries) == {10, 20, 30, 40, 50}
    for step in (30, 40, 50):
        assert entries[step].committed
        with pytest.raises(orbscan.InvalidLayoutError, match="incomplete step") as refused:
            orbscan.metadata(half_copied / str(step))
        # A read says besides which step is whole.
        assert str(refused.value).startswith(str(entries[step].error))
        assert [f.code for f in orbscan.verify(half_copied / str(step)).findings] == ["layout"]
    assert main(["ls", str(half_copied)]) == 5
    assert main(["verify", str(half_copied)]) == 1
    assert "5 checkpoints: 2 ok, 3 damaged" in capsys.readouterr().out


def test_numbers_that_lie_beside_no_step_are_directories(tmp_path: Path, copy: Copy) -> None:
    copy("o0.12.8-manager/run/0", "runs/1/checkpoints/100")
    (tmp_path / "runs" / "2" / "logs").mkdir(parents=True)
    (tmp_path / "runs" / "3").mkdir()
    found = [Path(entry.path).name for entry in orbscan.scan(tmp_path / "runs")]
    assert found == ["100"]
    with pytest.raises(orbscan.InvalidLayoutError, match="is not a checkpoint"):
        orbscan.verify(tmp_path / "runs" / "3")


def test_directories_of_runs_beside_steps_are_searched(tmp_path: Path, copy: Copy) -> None:
    copy("o0.12.8-manager/run/0", "runs/1")
    copy("o0.12.8-manager/run/0", "runs/2/7")
    found = {Path(entry.path).relative_to(tmp_path / "runs") for entry in orbscan.scan(tmp_path)}
    assert found == {Path("1"), Path("2/7")}


def test_what_an_interrupted_save_left_beside_an_item_is_a_warning(copy: Copy) -> None:
    step = copy("o0.12.8-manager/run/0", "0")
    shutil.copytree(step / "params", step / TEMPORARY)
    (step / TEMPORARY / "_METADATA").unlink()
    report = orbscan.verify(step)
    assert report.ok
    (finding,) = report.findings
    assert (finding.severity, TEMPORARY in finding.reason) == ("warning", True)
    assert not orbscan.metadata(step, "params").issues


def test_a_directory_of_unfinished_saves_offers_none(copy: Copy, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    copy("o0.12.8-manager/run/0", "run/0.orbax-checkpoint-tmp")
    with pytest.raises(orbscan.InvalidLayoutError, match="only unfinished saves lie in it"):
        orbscan.metadata(tmp_path / "run")
    copy("o0.12.8-manager/run/0", "run/1")
    with pytest.raises(orbscan.InvalidLayoutError, match=r"directory of 1 step \(1\), not"):
        orbscan.metadata(tmp_path / "run")
