"""A step as a parameter of the functions that take a path."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps of one array each, whose values are the number of the step."""
    path = tmp_path_factory.mktemp("root")
    options = ocp.CheckpointManagerOptions(
        step_prefix="step",
        best_fn=lambda metrics: metrics["loss"],
        enable_async_checkpointing=False,
    )
    with ocp.CheckpointManager(path, options=options) as manager:
        for step, loss in ((10, 0.5), (20, 0.1), (30, 0.3)):
            tree = {"w": np.full(step, step)}
            manager.save(step, args=ocp.args.StandardSave(tree), metrics={"loss": loss})
    return path


@pytest.mark.parametrize(
    ("step", "expected"),
    [(10, 10), (np.int64(20), 20), ("latest", 30), (("loss", "min"), 20), (("loss", "max"), 10)],
)
def test_every_function_that_takes_a_path_takes_a_step(
    step: Any, expected: int, root: Path
) -> None:
    found = orbscan.metadata(root, step=step)
    assert found.path == root / f"step_{expected}"
    assert found.metadata["w"].shape == (expected,)
    assert list(orbscan.checkpointables_metadata(root, step=step).metadata) == ["default"]
    assert orbscan.is_orbax_checkpoint(root, step=step)
    assert orbscan.load(root, step=step)["w"].tolist() == [expected] * expected
    loaded = orbscan.load_checkpointables(root, {"default": found.metadata}, step=step)
    assert loaded["default"]["w"].shape == (expected,)
    assert orbscan.open_array(root, ("w",), step=step)[0].read().result() == expected


def test_the_step_is_chosen_by_the_atomicity_in_every_function(root: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(root, tmp_path / "root")
    (copy / "step_30" / "commit_success.txt").unlink(missing_ok=True)
    (copy / "step_20" / "commit_success.txt").touch()
    rule: dict[str, Any] = {"step": "latest", "atomicity": "commit_file"}
    found = orbscan.metadata(copy, **rule)
    assert found.path == copy / "step_20"
    assert orbscan.load(copy, **rule)["w"].shape == (20,)
    loaded = orbscan.load_checkpointables(copy, {"default": found.metadata}, **rule)
    assert loaded["default"]["w"].shape == (20,)
    assert orbscan.open_array(copy, ("w",), **rule).shape == (20,)
    assert orbscan.du(copy, **rule).path == copy / "step_20"
    assert orbscan.verify(copy, **rule).path == copy / "step_20"
    assert orbscan.diff(copy, copy, other_step=20, **rule).same


def test_a_step_itself_is_a_path(root: Path) -> None:
    best = orbscan.best(root, "loss", "min")
    assert orbscan.metadata(best).metadata["w"].shape == (20,)
    assert orbscan.load(best)["w"].shape == (20,)
    assert orbscan.is_orbax_checkpoint(best)


def test_a_step_that_is_not_there_is_not_found(root: Path) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.metadata(root, step=15)
    assert str(caught.value) == f"{root}: has no step 15, but 3 others from 10 to 30"
    with pytest.raises(orbscan.CheckpointNotFoundError, match="has no step 18446744073709551616"):
        orbscan.metadata(root, step=1 << 64)
    assert not orbscan.is_orbax_checkpoint(root, step=15)
    assert not orbscan.is_orbax_checkpoint(root / "missing", step="latest")


def test_two_directories_of_one_number_are_both_named(tmp_path: Path) -> None:
    for name in ("7", "007"):
        write_step(tmp_path, name)
    with pytest.raises(orbscan.InvalidLayoutError, match='give the path of one of "007", "7"'):
        orbscan.metadata(tmp_path, step=7)


def test_an_uncommitted_step_is_not_read(tmp_path: Path) -> None:
    write_step(tmp_path, "7.orbax-checkpoint-tmp")
    with pytest.raises(orbscan.InvalidLayoutError, match="its name is temporary") as caught:
        orbscan.metadata(tmp_path, step=7)
    assert caught.value.kind == "uncommitted"


def test_a_checkpoint_has_no_steps(root: Path) -> None:
    with pytest.raises(orbscan.InvalidLayoutError, match="is itself a checkpoint"):
        orbscan.metadata(root / "step_10", step=10)


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (-1, ValueError),
        ("", ValueError),
        ("..", ValueError),
        ("step_10/default", ValueError),
        ("a\0b", ValueError),
        (("loss", "least"), ValueError),
        (True, TypeError),
        (1.0, TypeError),
        (("loss",), TypeError),
        ((1, "min"), TypeError),
        (b"latest", TypeError),
    ],
)
def test_what_is_no_step_is_wrong_use(step: Any, error: type[Exception], root: Path) -> None:
    with pytest.raises(error) as caught:
        orbscan.metadata(root, step=step)
    assert not isinstance(caught.value, orbscan.OrbscanError)


def test_a_step_of_the_url_of_no_store_is_refused() -> None:
    with pytest.raises(orbscan.FormatError, match="no store is known"):
        orbscan.load("ftp://host/run", step=1)


def test_what_makes_a_step_committed_decides_which_is_the_latest(tmp_path: Path) -> None:
    for name in ("7", "8"):
        write_step(tmp_path, name, {"loss": 1})
    (tmp_path / "7" / "commit_success.txt").touch()
    for step in ("latest", ("loss", "min")):
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            orbscan.metadata(tmp_path, step=step, atomicity="commit_file")
        assert caught.value.file == str(tmp_path / "7")
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            orbscan.metadata(tmp_path, step=step)
        assert caught.value.file == str(tmp_path / "8")
    with pytest.raises(orbscan.InvalidLayoutError, match=r"it has no commit_success\.txt"):
        orbscan.metadata(tmp_path, step=8, atomicity="commit_file")
