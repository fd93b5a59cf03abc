"""Checkpoints whose names are not those of steps, and steps that are given by name."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
from typing import TYPE_CHECKING

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path

logging.getLogger("absl").setLevel(logging.ERROR)

ODD = ["best_-0.5", "ckpt-7", "ckpt-10", "epoch=3-step=5", "final", "job-s40-n0-g0"]


def save(path: Path, size: int = 3) -> None:
    """Save a checkpoint of one array."""
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, {"w": np.zeros(size)})


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One step, and two checkpoints of other names; the size of the array tells them apart."""
    path = tmp_path_factory.mktemp("root")
    for size, name in enumerate(["7", "best_-0.5", "job-s40-n0-g0"], 1):
        save(path / name, size)
    return path


def test_checkpoints_of_other_names_are_told_in_natural_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ODD:
        write_step(tmp_path, name)
    (tmp_path / "logs").mkdir()
    (tmp_path / "metadata").mkdir()
    found = orbscan.steps(tmp_path)
    assert len(found) == 0
    assert found.others == tuple(ODD)
    assert found.not_looked_into == 0
    assert main(["steps", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        f"root       {tmp_path}\n\n"
        f"others     {', '.join(ODD)}; --step NAME reads one of them\n\n"
        "total      0 steps, 0 committed\n"
    )
    assert main(["steps", str(tmp_path), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"] == ODD


def test_they_are_told_beside_steps_as_well(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = orbscan.steps(root)
    assert [step.name for step in found] == ["7"]
    assert found.others == ("best_-0.5", "job-s40-n0-g0")
    assert main(["steps", str(root)]) == 0
    assert "others     best_-0.5, job-s40-n0-g0; --step NAME" in capsys.readouterr().out


def test_what_is_told_of_a_root_survives_pickling(root: Path) -> None:
    found = orbscan.steps(root)
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert again == found
    assert again.others == found.others


def test_the_look_at_other_directories_has_a_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(70):
        write_step(tmp_path, f"ckpt-{number}")
    found = orbscan.steps(tmp_path)
    assert found.others == tuple(f"ckpt-{number}" for number in range(64))
    assert found.not_looked_into == 6
    assert main(["steps", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "ckpt-19 and 44 more; --step NAME" in shown
    assert "unknown    6 directories were not looked into\n" in shown


def test_an_unfinished_save_of_another_name_is_told(tmp_path: Path) -> None:
    write_step(tmp_path, "best.orbax-checkpoint-tmp-1")
    assert orbscan.steps(tmp_path).others == ("best.orbax-checkpoint-tmp-1",)


@pytest.mark.parametrize(("name", "size"), [("7", 1), ("best_-0.5", 2), ("job-s40-n0-g0", 3)])
def test_every_function_takes_a_name_as_the_step(name: str, size: int, root: Path) -> None:
    assert orbscan.metadata(root, step=name).path == root / name
    assert orbscan.metadata(root, step=name).metadata["w"].shape == (size,)
    assert orbscan.is_orbax_checkpoint(root, step=name)
    assert orbscan.load(root, step=name)["w"].shape == (size,)
    assert orbscan.open_array(root, ("w",), step=name).shape == (size,)
    assert orbscan.verify(root, step=name).ok
    assert orbscan.du(root, step=name).leaves
    assert orbscan.diff(root, root, step=name, other_step="7").same == (size == 1)


def test_a_link_is_taken_by_its_name(root: Path, tmp_path: Path) -> None:
    (tmp_path / "newest").symlink_to(root / "best_-0.5", target_is_directory=True)
    assert orbscan.metadata(tmp_path, step="newest").metadata["w"].shape == (2,)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("9", 'has nothing called "9"; its only step is "step_7"'),
        ("007", 'has nothing called "007"; step 7 is "step_7"'),
        ("last", 'has nothing called "last"; its only step is "step_7"'),
    ],
)
def test_a_name_that_is_not_there_is_told_with_what_is(
    step: str, reason: str, tmp_path: Path
) -> None:
    write_step(tmp_path, "step_7")
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.metadata(tmp_path, step=step)
    assert str(caught.value) == f"{tmp_path}: {reason}"
    assert not orbscan.is_orbax_checkpoint(tmp_path, step=step)
    with pytest.raises(orbscan.CheckpointNotFoundError, match="does not exist"):
        orbscan.metadata(tmp_path / "missing", step=step)


def test_where_no_step_is_found_other_checkpoints_are_named(tmp_path: Path) -> None:
    for name in ("ckpt-10", "ckpt-9"):
        write_step(tmp_path, name)
    others = '; other checkpoints in it: "ckpt-9", "ckpt-10"'
    for step, reason in (
        (9, "has no step 9"),
        ("latest", "has no committed step"),
        (("loss", "min"), "has no committed step"),
        ("ckpt", 'has nothing called "ckpt"'),
    ):
        with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
            orbscan.metadata(tmp_path, step=step)  # type: ignore[arg-type]
        assert str(caught.value) == f"{tmp_path}: {reason}{others}"


def test_the_items_of_an_old_checkpoint_are_not_told_as_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "_METADATA").write_text("{}")
    with pytest.raises(orbscan.InvalidLayoutError, match="is itself a checkpoint"):
        orbscan.steps(tmp_path)


def odd_name(parent: Path, name: bytes) -> bool:
    """Make a step whose name is not UTF-8; false where the file system has no such names."""
    path = os.fsencode(parent) + b"/" + name
    try:
        os.mkdir(path)  # noqa: PTH102 - a path of bytes
    except OSError:
        return False
    with open(path + b"/_CHECKPOINT_METADATA", "w") as file:  # noqa: PTH123
        file.write("{}")
    return True


def test_a_name_that_is_not_utf_8_is_an_error_of_its_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "7", {"loss": 1})
    write_step(tmp_path, "\ufffd_8")
    assert odd_name(tmp_path, b"run\xff_9") == (sys.platform == "linux")
    whole, marked, odd = orbscan.steps(tmp_path)
    assert (whole.error, marked.error) == (None, None)
    assert isinstance(odd.error, orbscan.FormatError)
    assert odd.error.reason == "its name is not UTF-8; it is shown with replacement characters"
    assert odd.error.file == str(tmp_path / "run\ufffd_9")
    assert main(["steps", str(tmp_path)]) == 5
    assert "its name is not UTF-8" in capsys.readouterr().out
    assert orbscan.latest(tmp_path, prefix=None).step == 7
    with pytest.raises(orbscan.InvalidLayoutError, match="its name is not UTF-8"):
        orbscan.metadata(tmp_path, step=9)


@pytest.mark.parametrize("step", ["run\udcff", ("loss\udcff", "min")])
def test_a_name_that_is_not_utf_8_cannot_be_given(step: str, tmp_path: Path) -> None:
    write_step(tmp_path, "7", {"loss": 1})
    with pytest.raises(orbscan.OrbscanError, match="udcff"):
        orbscan.metadata(tmp_path, step=step)


@pytest.mark.parametrize("old", [False, True])
def test_messages_tell_steps_by_their_numbers(old: bool, tmp_path: Path) -> None:  # noqa: FBT001
    for name in ("199999", "5000", "70"):
        write_step(tmp_path, name)
        if old:
            (tmp_path / name / "_CHECKPOINT_METADATA").unlink()
            (tmp_path / name / "config" / "_METADATA").touch()
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.metadata(tmp_path)
    assert "is a directory of 3 steps (70 to 199999), not a checkpoint" in str(caught.value)
