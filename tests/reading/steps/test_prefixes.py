"""Roots with steps of several prefixes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from orbscan.cli import main
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path

logging.getLogger("absl").setLevel(logging.ERROR)

PREFIXES = ["a", "b", "a_b", "", None]
STEPS = {"a": (1, 20), "b": (7,), "a_b": (3,), "": (5,), None: (4, 30)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which a manager of each prefix has saved."""
    path = tmp_path_factory.mktemp("root")
    for prefix in PREFIXES:
        options = ocp.CheckpointManagerOptions(
            step_prefix=prefix,
            best_fn=lambda metrics: metrics["loss"],
            enable_async_checkpointing=False,
        )
        with ocp.CheckpointManager(path, options=options) as manager:
            for step in STEPS[prefix]:
                arguments = ocp.args.StandardSave({"w": np.zeros(step)})
                manager.save(step, args=arguments, metrics={"loss": 100 - step})
    return path


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_chooses_the_steps_of_the_manager_that_has_it(
    prefix: str | None, root: Path
) -> None:
    options = ocp.CheckpointManagerOptions(
        step_prefix=prefix, best_fn=lambda metrics: metrics["loss"], read_only=True
    )
    with ocp.CheckpointManager(root, options=options) as manager:
        found = orbscan.steps(root, prefix=prefix)
        assert [step.step for step in found] == sorted(manager.all_steps())
        assert {step.prefix for step in found} == {prefix}
        latest = orbscan.latest(root, prefix=prefix)
        assert (latest.step, latest.prefix) == (manager.latest_step(), prefix)
        best = orbscan.best(root, "loss", prefix=prefix)
        assert (best.step, best.prefix) == (manager.best_step(), prefix)
    assert orbscan.metadata(latest).metadata["w"].shape == (latest.step,)


SEVERAL = (
    'has steps of several prefixes: none (the last is "30"), "" (the last is "_5"), "a" (the last '
    'is "a_20"), "a_b" (the last is "a_b_3"), "b" (the last is "b_7"); choose a prefix, or give '
    "the name of a step"
)


def test_without_a_prefix_neither_the_latest_nor_the_best_is_told(root: Path) -> None:
    asked: list[Any] = [
        lambda: orbscan.latest(root),
        lambda: orbscan.best(root, "loss"),
        lambda: orbscan.metadata(root, step="latest"),
        lambda: orbscan.metadata(root, step=("loss", "min")),
    ]
    for ask in asked:
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            ask()
        assert str(caught.value) == f"{root}: {SEVERAL}"
        assert caught.value.kind == "unknown_layout"


def test_a_number_or_a_name_needs_no_prefix(root: Path) -> None:
    assert orbscan.metadata(root, step=7).path.name == "b_7"
    assert orbscan.metadata(root, step="a_b_3").path.name == "a_b_3"
    assert len(orbscan.steps(root)) == 7


def test_a_number_under_two_prefixes_is_chosen_by_the_prefix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a_7", "b_7"):
        write_step(tmp_path, name)
    with pytest.raises(orbscan.InvalidLayoutError, match='give the path of one of "a_7", "b_7"'):
        orbscan.metadata(tmp_path, step=7)
    assert main(["show", str(tmp_path), "--step", "7", "--prefix", "b"]) == 3
    assert f"{tmp_path / 'b_7'}" in capsys.readouterr().err


def test_a_prefix_that_no_step_has_is_told_with_those_that_there_are(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.latest(root, prefix="c")
    assert str(caught.value) == (
        f'{root}: has no committed step; the prefix is "c", and there is none, "", "a", "a_b", "b"'
    )
    with pytest.raises(orbscan.CheckpointNotFoundError, match="there is none"):
        orbscan.best(root, "loss", prefix="c")
    assert orbscan.steps(root, prefix="c") == ()
    assert main(["steps", str(root), "--prefix", "c"]) == 3
    assert "no steps with that prefix" in capsys.readouterr().err


def test_what_is_merely_called_like_a_step_does_not_count_beside_steps(tmp_path: Path) -> None:
    for name in ("1000", "2000"):
        write_step(tmp_path, name, {"loss": 1})
    for name in ("events_2024", "3000.orbax-checkpoint-tmp"):
        (tmp_path / name / "data").mkdir(parents=True)
    assert orbscan.latest(tmp_path).name == "2000"
    assert orbscan.best(tmp_path, "loss").name == "2000"
    assert [step.name for step in orbscan.steps(tmp_path)] == [
        "1000",
        "2000",
        "3000.orbax-checkpoint-tmp",
    ]
    (tmp_path / "2024").mkdir()
    # Under the prefix of steps it is one.
    assert orbscan.latest(tmp_path).name == "2024"
    write_step(tmp_path, "events_2025")
    with pytest.raises(orbscan.InvalidLayoutError, match="several prefixes"):
        orbscan.latest(tmp_path)


def test_a_step_of_an_early_release_shows_its_prefix(tmp_path: Path) -> None:
    for name in ("a_1", "b_1"):
        (tmp_path / name / "default").mkdir(parents=True)
        (tmp_path / name / "default" / "_METADATA").write_text("{}")
    with pytest.raises(orbscan.InvalidLayoutError, match="several prefixes"):
        orbscan.latest(tmp_path)


def test_leftovers_do_not_make_several_prefixes(tmp_path: Path) -> None:
    write_step(tmp_path, "a_1")
    write_step(tmp_path, "b_2.orbax-checkpoint-tmp")
    assert orbscan.latest(tmp_path).name == "a_1"


def test_a_prefix_is_text_or_none(root: Path) -> None:
    with pytest.raises(TypeError, match="prefix must be a str or None, not int"):
        orbscan.latest(root, prefix=7)  # type: ignore[arg-type]
    with pytest.raises(orbscan.FormatError, match="is not UTF-8"):
        orbscan.latest(root, prefix="a\udcff")
