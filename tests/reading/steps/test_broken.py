"""Steps that are committed by their names, and of which something is missing."""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step
from tests.support.processes import apart

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logging.getLogger("absl").setLevel(logging.ERROR)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three whole steps, of a pytree and of metrics each."""
    path = tmp_path / "root"
    options = ocp.CheckpointManagerOptions(
        max_to_keep=None, enable_async_checkpointing=False, best_fn=lambda m: m["loss"]
    )
    with ocp.CheckpointManager(path, options=options) as manager:
        for step in (9, 10, 100):
            arguments = ocp.args.StandardSave({"w": np.ones(step)})
            manager.save(step, args=arguments, metrics={"loss": step})
    return path


def copy_without_documents(step: Path) -> None:
    """As a copy that passed over what begins with an underscore at the top, and in the item."""
    (step / "_CHECKPOINT_METADATA").unlink()
    (step / "default" / "_METADATA").unlink()
    (step / "commit_success.txt").unlink()
    (step / "default" / "commit_success.txt").unlink()


def copy_data_files(step: Path) -> None:
    """As a copy that came no further than the data files."""
    shutil.copytree(step / "default" / "d", step.parent / "d")
    shutil.rmtree(step)
    (step / "default").mkdir(parents=True)
    (step.parent / "d").rename(step / "default" / "d")


def copy_nothing(step: Path) -> None:
    """As a copy that made the directory."""
    shutil.rmtree(step)
    step.mkdir()


def keep_header(step: Path) -> None:
    """Only what says that it is a checkpoint."""
    shutil.rmtree(step / "default")
    shutil.rmtree(step / "metrics")
    (step / "_CHECKPOINT_METADATA").write_text("{}")


def lose_tree(step: Path) -> None:
    """The store without the tree."""
    (step / "default" / "_METADATA").unlink()


def lose_tree_of_unknown_handler(step: Path) -> None:
    """The same where nothing says that it was a pytree."""
    (step / "_CHECKPOINT_METADATA").write_text("{}")
    lose_tree(step)


def lose_item(step: Path) -> None:
    """What the list of handlers names."""
    shutil.rmtree(step / "default")


def lose_rename(step: Path) -> None:
    """The last act of saving an item."""
    (step / "default").rename(step / "default.orbax-checkpoint-tmp-1")


BREAKS: list[tuple[Callable[[Path], None], str]] = [
    (copy_without_documents, 'is an incomplete step: "default" has '),
    (
        copy_data_files,
        'is an incomplete step: it has no _CHECKPOINT_METADATA, and "default" has no',
    ),
    (copy_nothing, "is an incomplete step: it is empty"),
    (keep_header, "holds nothing beside _CHECKPOINT_METADATA"),
    (lose_tree, "should be a pytree but has no _METADATA"),
    (lose_tree_of_unknown_handler, "has lost its _METADATA: it still holds "),
    (lose_item, 'the checkpointable "default" is gone: '),
    (lose_rename, 'the checkpointable "default" was never finished'),
]


@pytest.mark.parametrize(("break_step", "reason"), BREAKS)
def test_what_is_missing_of_a_step_is_its_error(
    break_step: Callable[[Path], None],
    reason: str,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_step(root / "100")
    first, second, broken = orbscan.steps(root)
    assert (first.error, second.error) == (None, None)
    assert broken.committed
    assert broken.error is not None
    assert broken.error.reason.startswith(reason)
    assert broken.error.file is not None
    assert broken.error.file.startswith(str(root / "100"))
    assert main(["steps", str(root)]) == 5
    lines = capsys.readouterr().out.splitlines()
    assert ["broken" in line.split() for line in lines[3:6]] == [False, False, True]
    assert reason in lines[5]
    assert lines[-1] == "total      3 steps, 3 committed, 1 of them broken"
    assert main(["steps", str(root), "-o", "json"]) == 5
    errors = [step["error"] for step in json.loads(capsys.readouterr().out)["steps"]]
    assert errors[:2] == [None, None]
    assert errors[2]["reason"] == broken.error.reason


@pytest.mark.parametrize(("break_step", "reason"), BREAKS)
def test_other_commands_call_the_same_steps_broken(
    break_step: Callable[[Path], None],
    reason: str,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del reason
    break_step(root / "100")
    assert main(["ls", str(root), "-o", "json"]) == 5
    listed = json.loads(capsys.readouterr().out)["checkpoints"]
    broken = {row["path"] for row in listed if row["error"] is not None or row["issues"]}
    steps = orbscan.steps(root)
    assert {row["path"] for row in listed} == {str(step.path) for step in steps}
    assert broken == {str(step.path) for step in steps if step.error is not None}
    assert broken == {str(step.path) for step in steps if not orbscan.verify(step).ok}


# A read of the last one gives the item, and says that it was never finished.
@pytest.mark.parametrize(("break_step", "reason"), BREAKS[:-1])
@apart
def test_the_latest_is_what_orbax_takes_for_it_and_neither_can_read_it(
    break_step: Callable[[Path], None], reason: str, root: Path
) -> None:
    break_step(root / "100")
    (root / "10" / "default" / "_METADATA").unlink()
    with ocp.CheckpointManager(root) as manager:
        assert manager.latest_step() == 100
        with pytest.raises((FileNotFoundError, ValueError, KeyError)):
            manager.restore(100, args=ocp.args.StandardRestore())
    latest = orbscan.latest(root)
    assert latest.step == 100
    assert latest.error is not None
    assert latest.error.reason.startswith(reason)
    for ask in (
        lambda: orbscan.metadata(root, step="latest"),
        lambda: orbscan.metadata(root, step=100),
        lambda: orbscan.metadata(latest),
        lambda: orbscan.load(root, step="latest"),
    ):
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            ask()
        assert str(caught.value).startswith(f"{root / '100'}: ")
        assert str(caught.value).endswith('; the newest whole step is "9"')


def test_the_best_may_be_broken_and_is_told_as_such(root: Path) -> None:
    lose_tree(root / "100")
    best = orbscan.best(root, "loss")
    assert (best.step, best.metrics) == (100, {"loss": 100})
    assert best.error is not None
    with pytest.raises(orbscan.InvalidLayoutError, match='the newest whole step is "10"'):
        orbscan.metadata(root, step=("loss", "max"))


def test_a_step_of_which_a_part_can_be_read_is_read(root: Path) -> None:
    shutil.copytree(root / "100" / "default", root / "100" / "other")
    lose_tree(root / "100")
    (step,) = (step for step in orbscan.steps(root) if step.error is not None)
    assert step.step == 100
    assert orbscan.metadata(root, step="latest", checkpointable_name="other").metadata
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.metadata(root, step="latest", checkpointable_name="default")


def test_where_no_step_is_whole_none_is_named(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_CHECKPOINT_METADATA").write_text("{}")
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.metadata(tmp_path, step="latest")
    assert str(caught.value) == f"{tmp_path / '2'}: holds nothing beside _CHECKPOINT_METADATA"


def test_a_whole_step_under_another_prefix_is_not_named(tmp_path: Path) -> None:
    write_step(tmp_path, "a_1")
    write_step(tmp_path, "b_1")
    write_step(tmp_path, "b_2")
    shutil.rmtree(tmp_path / "b_2" / "config")
    with pytest.raises(orbscan.InvalidLayoutError, match='the newest whole step is "b_1"'):
        orbscan.metadata(orbscan.latest(tmp_path, prefix="b"))


def test_directories_in_which_nothing_is_are_no_checkpoints(tmp_path: Path) -> None:
    for name in ("2024", "2025"):
        (tmp_path / name / "logs").mkdir(parents=True)
    for step in orbscan.steps(tmp_path):
        assert step.committed
        assert step.error is not None
        assert step.error.reason == (
            "is not a checkpoint: it has neither _CHECKPOINT_METADATA nor a pytree"
        )


def test_an_unfinished_save_is_not_called_broken(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "200.orbax-checkpoint-tmp").mkdir()
    assert main(["steps", str(root)]) == 0
    assert "uncommitted" in capsys.readouterr().out
    assert orbscan.steps(root)[-1].error is None


@pytest.mark.parametrize("write", ["composite", "flat", "v1", "json"])
def test_what_orbax_wrote_is_whole(write: str, tmp_path: Path) -> None:
    import orbax.checkpoint.experimental.v1 as ocp_v1

    tree: dict[str, Any] = {"w": np.ones(2), "10": np.ones(2)}
    step = tmp_path / "7"
    if write == "v1":
        ocp_v1.save_checkpointables(step, {"state": tree, "extra": {"a": 1}})
    elif write == "flat":
        with ocp.PyTreeCheckpointer(use_ocdbt=False) as checkpointer:
            checkpointer.save(step, tree)
    else:
        items = {"state": ocp.args.StandardSave(tree), "extra": ocp.args.JsonSave({"a": 1})}
        names = ["extra"] if write == "json" else ["extra", "state"]
        with ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as composite:
            composite.save(step, args=ocp.args.Composite(**{name: items[name] for name in names}))
    (found,) = orbscan.steps(tmp_path)
    assert (found.error, found.issues) == (None, ())
