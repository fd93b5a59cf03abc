"""Listing the steps of roots made by hand."""

from __future__ import annotations

import datetime as dt
import math
import os
import pickle
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.reading.steps.support import BEGUN, ENDED, write_step

if TYPE_CHECKING:
    from pathlib import Path


def test_steps_come_by_number_then_by_name(tmp_path: Path) -> None:
    for name in ("10", "9", "007", "7", "step_8", "11.orbax-checkpoint-tmp", "state"):
        write_step(tmp_path, name)
    (tmp_path / "12").touch()
    (tmp_path / "metadata").mkdir()
    found = orbscan.steps(tmp_path)
    assert [(step.step, step.name) for step in found] == [
        (7, "007"),
        (7, "7"),
        (8, "step_8"),
        (9, "9"),
        (10, "10"),
        (11, "11.orbax-checkpoint-tmp"),
    ]


def test_a_step_tells_its_times_metrics_and_metadata(tmp_path: Path) -> None:
    write_step(tmp_path, "step_0001", {"loss": 0.5, "nested": {"a": 1}})
    write_step(tmp_path, "step_0002", committed=False)
    first, second = orbscan.steps(tmp_path)
    assert first.path == tmp_path / "step_0001"
    assert (first.init_timestamp_nsecs, first.commit_timestamp_nsecs) == (BEGUN, ENDED)
    assert first.commit_timestamp == dt.datetime(2026, 11, 23, 21, 51, 28, 711944, tzinfo=dt.UTC)
    assert first.metrics == {"loss": 0.5, "nested": {"a": 1}}
    assert first.custom_metadata == {"name": "step_0001"}
    assert (first.issues, first.error) == ((), None)
    assert (second.metrics, second.commit_timestamp) == (None, None)
    assert second.init_timestamp is not None


def test_a_step_is_a_frozen_value_and_a_path(tmp_path: Path) -> None:
    step = write_step(tmp_path, "1")
    (step / "_CHECKPOINT_METADATA").write_text('{"item_handlers": 5}')
    (found,) = orbscan.steps(tmp_path)
    assert os.fspath(found) == str(step)
    with pytest.raises(AttributeError):
        found.step = 2  # type: ignore[misc]
    again = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert str(again.error) == str(found.error)
    assert again.path == found.path


def test_damage_in_one_step_hides_no_other(tmp_path: Path) -> None:
    for name in ("1", "2", "3", "4"):
        write_step(tmp_path, name, {"loss": 1.0})
    (tmp_path / "1" / "_CHECKPOINT_METADATA").write_text('{"commit_timestamp_nsecs": "soon"}')
    (tmp_path / "2" / "metrics" / "metrics").write_text('{"loss": ')
    (tmp_path / "3" / "_CHECKPOINT_METADATA").write_text("")
    first, second, third, fourth = orbscan.steps(tmp_path)
    assert isinstance(first.error, orbscan.FormatError)
    assert first.error.file == str(tmp_path / "1" / "_CHECKPOINT_METADATA")
    assert first.metrics == {"loss": 1.0}
    assert isinstance(second.error, orbscan.FormatError)
    assert (second.error.file, second.error.offset) == (
        str(tmp_path / "2" / "metrics" / "metrics"),
        9,
    )
    assert (second.metrics, second.commit_timestamp_nsecs) == (None, ENDED)
    assert third.error is None
    assert [issue.file for issue in third.issues] == [str(tmp_path / "3" / "_CHECKPOINT_METADATA")]
    assert (fourth.error, fourth.issues) == (None, ())
    assert orbscan.latest(tmp_path).name == "4"


def test_a_step_that_cannot_be_read_has_the_error_of_the_system(tmp_path: Path) -> None:
    # A link to itself fails with an error of its own, whoever runs the test.
    metadata = write_step(tmp_path, "1") / "_CHECKPOINT_METADATA"
    metadata.unlink()
    metadata.symlink_to(metadata)
    (found,) = orbscan.steps(tmp_path)
    assert isinstance(found.error, orbscan.StoreError)
    assert found.error.errno is not None


def test_the_latest_is_the_last_committed_step(tmp_path: Path) -> None:
    for name in ("9", "10", "010", "11.orbax-checkpoint-tmp"):
        write_step(tmp_path, name)
    found = orbscan.latest(tmp_path)
    assert (found.step, found.name, found.custom_metadata) == (10, "10", {"name": "10"})


def test_the_best_is_chosen_among_committed_steps_that_have_the_metric(tmp_path: Path) -> None:
    write_step(tmp_path, "1", {"loss": 3})
    write_step(tmp_path, "2", {"loss": 0.5})
    write_step(tmp_path, "3", {"loss": math.nan})
    write_step(tmp_path, "4", {"loss": 0.5, "accuracy": 1})
    write_step(tmp_path, "5")
    write_step(tmp_path, "6", {"loss": "low"})
    write_step(tmp_path, "7", {"loss": True})
    write_step(tmp_path, "8.orbax-checkpoint-tmp", {"loss": 0})
    write_step(tmp_path, "9", {"loss": -1})
    (tmp_path / "9" / "metrics" / "metrics").write_text("damaged")
    assert orbscan.best(tmp_path, "loss", "min").step == 4
    assert orbscan.best(tmp_path, "loss").step == 1
    assert orbscan.best(tmp_path, "accuracy").step == 4
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.best(tmp_path, "f1")
    assert str(caught.value) == (
        f"{tmp_path}: no committed step has the metric 'f1'; available: 'accuracy', 'loss'; "
        "steps that cannot be read completely: 1"
    )
    with pytest.raises(ValueError, match="mode must be 'max' or 'min', not 'least'"):
        orbscan.best(tmp_path, "loss", "least")  # type: ignore[arg-type]


def test_infinity_is_a_value_like_others(tmp_path: Path) -> None:
    write_step(tmp_path, "1", {"loss": math.inf})
    write_step(tmp_path, "2", {"loss": 1})
    assert orbscan.best(tmp_path, "loss", "max").step == 1


def test_a_root_without_steps_is_named(tmp_path: Path) -> None:
    assert orbscan.steps(tmp_path) == ()
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.latest(tmp_path)
    assert str(caught.value) == f"{tmp_path}: has no committed step"
    with pytest.raises(orbscan.CheckpointNotFoundError, match="has no committed step"):
        orbscan.best(tmp_path, "loss")


@pytest.mark.parametrize("details", [True, False])
def test_a_root_of_roots_says_where_the_steps_are(tmp_path: Path, *, details: bool) -> None:
    write_step(tmp_path / "base", "1000")
    write_step(tmp_path / "base", "1500")
    write_step(tmp_path / "wide", "7")
    refusals = set()
    for ask in (lambda root: orbscan.steps(root, details=details), orbscan.latest):
        with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
            ask(tmp_path)
        refusals.add(str(caught.value))
    [refusal] = refusals
    assert '"base": 2 steps (1000 to 1500), "wide": 1 step' in refusal
    # Beside a step, or another checkpoint, they are no mistake.
    write_step(tmp_path, "final")
    assert orbscan.steps(tmp_path, details=details).others == (("final",) if details else ())


def test_what_is_no_root_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for ask in (orbscan.steps, orbscan.latest, orbscan.root_metadata):
        with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
            ask(missing)
        assert caught.value.file == str(missing)
    step = write_step(tmp_path, "1")
    with pytest.raises(orbscan.InvalidLayoutError, match="is itself a checkpoint"):
        orbscan.steps(step)
    with pytest.raises(orbscan.InvalidLayoutError, match="is a file"):
        orbscan.steps(step / "_CHECKPOINT_METADATA")
    with pytest.raises(orbscan.FormatError, match="no store is known"):
        orbscan.steps("ftp://host/run")


def test_the_metadata_of_a_root_is_empty_unless_it_was_written(tmp_path: Path) -> None:
    found = orbscan.root_metadata(tmp_path)
    assert (found.path, found.custom_metadata, found.internal_metadata) == (tmp_path, {}, {})
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "metadata").write_text('{"md": 1}')
    assert orbscan.root_metadata(tmp_path).custom_metadata == {"md": 1}
    (tmp_path / "metadata" / "_ROOT_METADATA").write_text('{"custom_metadata": {"md": 2}}')
    assert orbscan.root_metadata(tmp_path).custom_metadata == {"md": 2}
    (tmp_path / "metadata" / "_ROOT_METADATA").write_text("[]")
    with pytest.raises(orbscan.FormatError, match="_ROOT_METADATA"):
        orbscan.root_metadata(tmp_path)


def test_thousands_of_steps_are_all_there(tmp_path: Path) -> None:
    for step in range(2_000):
        (tmp_path / str(step)).mkdir()
    assert [step.step for step in orbscan.steps(tmp_path)] == list(range(2_000))
