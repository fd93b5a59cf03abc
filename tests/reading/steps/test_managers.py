"""Roots that the managers of Orbax write, beside what the managers say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import orbax.checkpoint.experimental.v1 as ocp_v1
import pytest
from orbax.checkpoint.experimental.v1._src.path import step as step_v1

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

LOSSES = {3: 0.9, 7: 0.25, 12: 0.5, 100: 0.25}
TREE = {"w": np.arange(4.0)}
FORMATS = [(None, None), ("step", None), (None, 3), ("run_a", 8), ("", 3)]


def write_v0(root: Path, prefix: str | None, length: int | None) -> ocp.CheckpointManager:
    """A manager with steps that it was told the losses of."""
    options = ocp.CheckpointManagerOptions(
        step_prefix=prefix,
        step_format_fixed_length=length,
        best_fn=lambda metrics: metrics["loss"],
        best_mode="min",
        enable_async_checkpointing=False,
    )
    manager = ocp.CheckpointManager(root, options=options, metadata={"owner": "vision"})
    for step, loss in LOSSES.items():
        arguments = ocp.args.StandardSave(TREE)
        manager.save(step, args=arguments, metrics={"loss": loss}, custom_metadata={"n": step})
    manager.wait_until_finished()
    return manager


@pytest.mark.parametrize(("prefix", "length"), FORMATS)
def test_a_root_of_a_checkpoint_manager_reads_as_the_manager_says(
    prefix: str | None, length: int | None, tmp_path: Path
) -> None:
    manager = write_v0(tmp_path, prefix, length)
    found = orbscan.steps(tmp_path)
    assert [step.step for step in found] == sorted(manager.all_steps())
    formats = ocp.path.step.standard_name_format(
        step_prefix=prefix, step_format_fixed_length=length
    )
    theirs = {each.step: each for each in formats.find_all(tmp_path)}
    for step in found:
        assert step.committed
        assert step.path == theirs[step.step].path
        assert step.init_timestamp_nsecs == theirs[step.step].init_timestamp_nsecs
        assert step.commit_timestamp_nsecs == theirs[step.step].commit_timestamp_nsecs
        assert step.metrics == manager.metrics(step.step)
        assert step.custom_metadata == manager.metadata(step.step).custom_metadata
    assert orbscan.latest(tmp_path).step == manager.latest_step()
    assert orbscan.best(tmp_path, "loss", "min").step == manager.best_step() == 100
    assert orbscan.root_metadata(tmp_path).custom_metadata == {"owner": "vision"}
    assert orbscan.root_metadata(tmp_path).custom_metadata == manager.metadata().custom_metadata
    assert orbscan.metadata(tmp_path, step=7).path == theirs[7].path
    manager.close()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_of_equals_the_best_is_the_one_that_orbax_chooses(mode: Any, tmp_path: Path) -> None:
    options = ocp.CheckpointManagerOptions(
        best_fn=lambda metrics: metrics["loss"], best_mode=mode, enable_async_checkpointing=False
    )
    with ocp.CheckpointManager(tmp_path, options=options) as manager:
        for step, loss in enumerate([1.0, 2.0, 1.0, 2.0, 1.5]):
            manager.save(step, args=ocp.args.StandardSave(TREE), metrics={"loss": loss})
        assert orbscan.best(tmp_path, "loss", mode).step == manager.best_step()


@pytest.mark.parametrize(("prefix", "length"), FORMATS)
def test_a_root_of_a_training_checkpointer_reads_as_it_says(
    prefix: str | None, length: int | None, tmp_path: Path
) -> None:
    formats = step_v1.standard_name_format(step_prefix=prefix, step_format_fixed_length=length)
    with ocp_v1.training.Checkpointer(
        tmp_path, step_name_format=formats, custom_metadata={"owner": "speech"}
    ) as checkpointer:
        for step, loss in LOSSES.items():
            checkpointer.save(step, TREE, force=True, metrics={"loss": loss})
        theirs = checkpointer.checkpoints
        found = orbscan.steps(tmp_path)
        assert [step.path for step in found] == [each.path for each in theirs]
        assert [step.metrics for step in found] == [each.metrics for each in theirs]
        assert [step.step for step in found] == [*LOSSES]
        latest = checkpointer.latest
        assert latest is not None
        assert orbscan.latest(tmp_path).step == latest.step
        assert orbscan.best(tmp_path, "loss").step == 3
        custom = checkpointer.root_metadata().custom_metadata
        assert orbscan.root_metadata(tmp_path).custom_metadata == custom == {"owner": "speech"}


def test_the_latest_of_equal_numbers_is_the_one_that_orbax_chooses(tmp_path: Path) -> None:
    formats = ocp.path.step
    both = formats.composite_name_format(
        formats.standard_name_format(),
        [formats.standard_name_format(), formats.standard_name_format(step_format_fixed_length=3)],
    )
    for name in ("7", "007", "005"):
        (tmp_path / name).mkdir()
    theirs = formats.latest_step_metadata(tmp_path, both)
    assert theirs is not None
    assert orbscan.latest(tmp_path).path == theirs.path


def test_every_name_that_a_standard_format_takes_is_a_step(tmp_path: Path) -> None:
    names = ["0", "7", "007", "00000012", "123456789", "step_5", "step_05", "x_step_4", "_6", "_06"]
    others = ["+2", "-1", "1e3", "step-9", "\u0667", "\u00b2", "7_", "7.orbax-checkpoint-tmp"]
    for name in names + others:
        (tmp_path / name).mkdir()
    found: set[tuple[str, int]] = set()
    for prefix in (None, "step", "x_step", ""):
        for length in (None, 2, 3, 8):
            formats = ocp.path.step.standard_name_format(
                step_prefix=prefix, step_format_fixed_length=length
            )
            found |= {(each.path.name, each.step) for each in formats.find_all(tmp_path)}
    committed = [step for step in orbscan.steps(tmp_path) if step.committed]
    assert {(step.name, step.step) for step in committed} == found
    assert {name for name, _ in found} == set(names)
