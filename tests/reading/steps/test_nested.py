"""Managers whose directory is itself a checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import orbax.checkpoint.experimental.v1 as ocp_v1
import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from collections.abc import Callable

logging.getLogger("absl").setLevel(logging.ERROR)


def save_flat(path: Path) -> None:
    """Save a tree without a name, all its arrays in one database."""
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, {"w": np.ones(4)})


def save_files(path: Path) -> None:
    """Save a tree each of whose arrays is a directory; two are called like steps."""
    with ocp.PyTreeCheckpointer(use_ocdbt=False) as checkpointer:
        checkpointer.save(path, {"0": np.ones(4), "layer_1": np.ones(4)})


def save_items(path: Path) -> None:
    """Save named trees; one is called like a step."""
    handlers = ocp.CompositeCheckpointHandler()
    with ocp.Checkpointer(handlers) as checkpointer:
        trees = {name: ocp.args.StandardSave({"w": np.ones(2)}) for name in ("state", "7")}
        checkpointer.save(path, args=ocp.args.Composite(**trees))


def save_v1(path: Path) -> None:
    """Save a tree as the interface of version 1 does."""
    ocp_v1.save(path, {"w": np.ones(4)})


def save_step(root: Path, name: str) -> None:
    """Save a step that is a tree without a name."""
    save_flat(root / "saved")
    (root / "saved").rename(root / name)


SAVES = [save_flat, save_files, save_items, save_v1]


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("prefix", [None, "run"])
def test_the_steps_of_a_manager_in_a_checkpoint_are_listed(
    save: Callable[[Path], None],
    prefix: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "root"
    save(root)
    options: Any = ocp.CheckpointManagerOptions(
        step_prefix=prefix, enable_async_checkpointing=False, best_fn=lambda m: m["loss"]
    )
    with ocp.CheckpointManager(root, options=options) as manager:
        for step in (100, 200):
            arguments = ocp.args.StandardSave({"w": np.ones(step)})
            manager.save(step, args=arguments, metrics={"loss": -step})
        # Orbax takes what is merely called like a step for one, too.
        theirs = [step for step in sorted(manager.all_steps()) if step >= 100]
        latest = manager.latest_step()
    found = orbscan.steps(root)
    assert [step.step for step in found] == theirs == [100, 200]
    assert {step.prefix for step in found} == {prefix}
    assert all(step.committed and step.commit_timestamp_nsecs for step in found)
    assert found.others == ()
    assert orbscan.latest(root).step == latest
    assert orbscan.best(root, "loss").step == 100
    for number in (100, 200):
        assert orbscan.metadata(root, step=number).metadata["w"].shape == (number,)
    assert orbscan.metadata(found[0]).metadata["w"].shape == (100,)
    assert orbscan.metadata(root, step="latest").path == found[1].path
    assert main(["steps", str(root)]) == 0
    assert "total      2 steps, 2 committed" in capsys.readouterr().out


@pytest.mark.parametrize("save", SAVES)
def test_a_checkpoint_in_which_there_is_no_step_is_refused(
    save: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    save(root)
    for ask in (orbscan.steps, orbscan.latest):
        with pytest.raises(orbscan.InvalidLayoutError, match="is itself a checkpoint"):
            ask(root)
    with pytest.raises(orbscan.InvalidLayoutError, match="is itself a checkpoint"):
        orbscan.metadata(root, step=7)
    assert main(["steps", str(root)]) == 3
    assert "is itself a checkpoint, not a directory of steps" in capsys.readouterr().err


def test_leftovers_beside_steps_are_listed(tmp_path: Path) -> None:
    save_flat(tmp_path / "root")
    write_step(tmp_path / "root", "100")
    (tmp_path / "root" / "200.orbax-checkpoint-tmp").mkdir()
    found = orbscan.steps(tmp_path / "root")
    assert [(step.name, step.committed) for step in found] == [
        ("100", True),
        ("200.orbax-checkpoint-tmp", False),
    ]


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("write", [write_step, save_step])
def test_what_a_manager_keeps_in_a_checkpoint_is_no_part_of_it(
    save: Callable[[Path], None], write: Callable[[Path, str], object], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    save(root)
    (entry,) = orbscan.scan(root)
    for name in ("100", "run_200", "300.orbax-checkpoint-tmp"):
        write(root, name)
    found = {Path(each.path).name: each for each in orbscan.scan(root)}
    assert {name: each.committed for name, each in found.items()} == {
        "root": True,
        "100": True,
        "300.orbax-checkpoint-tmp": False,
        "run_200": True,
    }
    assert repr(found["root"].checkpointables) == repr(entry.checkpointables)
    report = orbscan.verify(root)
    assert report.ok
    with pytest.raises(orbscan.OrbscanError, match="no checkpointable"):
        orbscan.verify(root, name="100")


@pytest.mark.parametrize(("save", "option"), [(save_flat, ["--flat"]), (save_items, ["--name=7"])])
def test_a_part_of_a_checkpoint_that_is_named_is_checked_alone(
    save: Callable[[Path], None],
    option: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "root"
    save(root)
    write_step(root, "100")
    assert main(["verify", str(root), *option]) == 0
    assert str(root / "100") not in capsys.readouterr().out
