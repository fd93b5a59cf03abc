"""Checkpoints before 0.5.11, which say nothing of themselves: what shows them, what they lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[str, str], Path]

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a' * 16}\nsize 12345\n"

ROOTS = ["o0.5.10-manager/run", "o0.3.5-manager-legacy/named", "o0.12.8-manager/run"]


def is_told_as_incomplete(root: Path, name: str) -> None:
    """Every command says that a step is there only in part."""
    (found,) = [step for step in orbscan.steps(root) if step.name == name]
    assert found.error is not None
    assert "is an incomplete step" in found.error.reason
    (entry,) = [entry for entry in orbscan.scan(root) if str(entry.path) == str(root / name)]
    assert entry.error is not None
    assert "is an incomplete step" in entry.error.reason
    assert main(["ls", str(root)]) == 5
    assert main(["verify", str(root)]) == 1
    (finding,) = orbscan.verify(root / name).findings
    assert (finding.code, finding.severity) == ("layout", "error")
    assert "is an incomplete step" in finding.reason


@pytest.mark.parametrize("source", ROOTS)
def test_an_empty_step_of_a_root_of_any_age_is_incomplete(copy: Copy, source: str) -> None:
    root = copy(source, "run")
    (root / "50").mkdir()
    is_told_as_incomplete(root, "50")
    with pytest.raises(orbscan.InvalidLayoutError, match="is an incomplete step"):
        orbscan.metadata(root, step="latest")


def test_an_early_step_that_lost_its_file_is_incomplete(copy: Copy, tmp_path: Path) -> None:
    root = copy("o0.3.5-manager-legacy/single", "run")
    shutil.copytree(root / "0", root / "50")
    (root / "50" / "default" / "checkpoint").unlink()
    is_told_as_incomplete(tmp_path / "run", "50")


def test_numbered_directories_of_other_things_are_no_steps(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").touch()
    (tmp_path / "2" / "model.safetensors").unlink()
    assert [str(entry.path) for entry in orbscan.scan(tmp_path)] == [str(tmp_path / "1")]


@pytest.mark.parametrize("content", ["", POINTER, "\xc1" * 50])
def test_an_early_checkpoint_whose_file_is_damaged_is_found(
    copy: Copy, content: str, tmp_path: Path
) -> None:
    good, bad = copy("o0.3.5-flat/ckpt", "runs/good"), copy("o0.3.5-flat/ckpt", "runs/bad")
    (bad / "checkpoint").write_text(content, encoding="latin-1")
    errors = {str(entry.path): entry.error is not None for entry in orbscan.scan(tmp_path / "runs")}
    assert errors == {str(bad): True, str(good): False}
    assert main(["verify", str(tmp_path / "runs")]) == 1
    assert main(["verify", str(bad)]) == 1


@pytest.mark.parametrize("content", ["", POINTER])
def test_a_file_that_lies_alone_and_held_a_whole_tree_is_a_checkpoint(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "checkpoint").write_text(content)
    assert [str(entry.path) for entry in orbscan.scan(tmp_path)] == [str(tmp_path / "bad")]


@pytest.mark.parametrize("content", ["", POINTER, 'model_checkpoint_path: "model.ckpt-1"\n'])
def test_a_directory_of_tensorflow_is_foreign_whatever_its_file_holds(
    content: str, tmp_path: Path
) -> None:
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "checkpoint").write_text(content)
    (tmp_path / "tf" / "model.ckpt-1.index").touch()
    assert [*orbscan.scan(tmp_path)] == []


def test_a_link_to_an_item_that_leads_nowhere_is_an_error(copy: Copy) -> None:
    step = copy("o0.5.10-manager/run/10", "10")
    shutil.rmtree(step / "params")
    (step / "params").symlink_to("/nowhere/x")
    (finding,) = [f for f in orbscan.verify(step).findings if f.severity == "error"]
    assert finding.code == "checkpointable-missing"
    assert '"params" is gone' in finding.reason
    assert "/nowhere/x" in finding.reason
    (entry,) = orbscan.scan(step)
    assert not entry.complete


def test_a_step_of_single_arrays_alone_is_whole(copy: Copy) -> None:
    root = copy("o0.5.10-manager-arrays/run", "run")
    shutil.rmtree(root / "0" / "9 odd.name")
    (step,) = [step for step in orbscan.steps(root) if step.name == "0"]
    assert step.error is None
    assert str(root / "0") in [str(entry.path) for entry in orbscan.scan(root)]


def test_a_step_of_json_that_lost_its_header_is_incomplete(copy: Copy) -> None:
    root = copy("o0.12.8-manager-json/run", "run")
    (root / "0" / "_CHECKPOINT_METADATA").unlink()
    is_told_as_incomplete(root, "0")
