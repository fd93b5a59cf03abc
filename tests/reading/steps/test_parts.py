"""A part of a checkpoint is not a root: it holds neither steps nor checkpoints."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.damage.damages import CM
from tests.reading.steps.support import write_step
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path


def golden(place: str, folder: Path) -> Path:
    """The golden checkpoint at `<case>/<path>`."""
    case, _, path = place.partition("/")
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", folder)
    return folder / case / path


def refusal(root: Path) -> orbscan.InvalidLayoutError:
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.steps(root)
    return caught.value


def test_items_called_like_steps_are_parts_of_a_step_before_0_5_11(tmp_path: Path) -> None:
    step = golden("o0.5.10-manager/run/10", tmp_path)
    (step / "params").rename(step / "123")
    assert "is itself a checkpoint" in refusal(step).reason
    assert [str(entry.path) for entry in orbscan.scan(step)] == [str(step)]


def test_arrays_called_like_steps_are_parts_of_a_checkpoint_before_0_4_3(tmp_path: Path) -> None:
    checkpoint = golden("o0.3.5-flat/ckpt", tmp_path)
    (checkpoint / "rate").rename(checkpoint / "0")
    assert "is itself a checkpoint" in refusal(checkpoint).reason


def test_steps_beside_safetensors_are_steps(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    write_step(tmp_path, "7")
    assert [step.step for step in orbscan.steps(tmp_path)] == [7]


def test_what_lies_in_a_partial_save_is_no_checkpoint_of_its_own(tmp_path: Path) -> None:
    partial = golden("o0.12.8-v1-partial/open.partial_save", tmp_path)
    error = refusal(partial)
    assert error.kind == "uncommitted"
    assert error.reason == "is what a save left behind, not a directory of steps"
    # A link to it is none.
    (tmp_path / "link.partial_save").symlink_to(partial, target_is_directory=True)
    assert len(orbscan.steps(tmp_path / "link.partial_save").others) == 2


def test_what_lies_in_an_item_is_no_checkpoint_of_its_own(tmp_path: Path) -> None:
    arrays = golden("o0.12.8-manager-arrays/run/0", tmp_path)
    # It looks like a checkpoint before 0.5.11.
    assert "is itself a checkpoint" in refusal(arrays / "jax_key").reason
    step = golden("o0.12.8-manager/run/10", tmp_path)
    assert "is a part of the checkpoint" in refusal(step / "config").reason


def test_what_is_left_of_a_step_is_no_root(tmp_path: Path) -> None:
    step = golden("o0.12.8-manager/run/10", tmp_path)
    for file in step.rglob("_*"):
        file.unlink()
    assert refusal(step).reason.startswith("is an incomplete step: ")


def test_a_checkpoint_in_which_there_is_nothing_says_so_among_checkpointables(
    tmp_path: Path,
) -> None:
    checkpoint = golden("o0.12.8-flat/ckpt", tmp_path)
    header = (checkpoint / CM).read_bytes()
    shutil.rmtree(checkpoint)
    checkpoint.mkdir()
    (checkpoint / CM).write_bytes(header.replace(b"item_handlers", b"item_handlerz"))
    read = orbscan.checkpointables_metadata(checkpoint)
    assert read.metadata == {}
    assert [issue.reason for issue in read.issues] == ["holds nothing beside _CHECKPOINT_METADATA"]
    with pytest.raises(orbscan.InvalidLayoutError, match="holds nothing beside"):
        orbscan.metadata(checkpoint)
