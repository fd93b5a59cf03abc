"""Choosing the best step by any kind of metric, and showing metrics."""

from __future__ import annotations

import json
import logging
import math
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from orbscan.cli import main
from orbscan.reading import metric
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path

logging.getLogger("absl").setLevel(logging.ERROR)

HUGE = 10**400


def write_metrics(root: Path, name: str, text: str) -> None:
    """Write a step whose metrics are spelled like this."""
    write_step(root, name, {})
    (root / name / "metrics" / "metrics").write_text(text)


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 0.25, 1],
        [False, True, False],
        [True, 0.5, 2],
        [1.0, math.inf, -math.inf],
        [HUGE, 1.5, -HUGE],
        [HUGE, HUGE + 1, math.inf],
        [-0.0, 0.0, 0],
    ],
)
@pytest.mark.parametrize("mode", ["max", "min"])
def test_the_best_of_any_numbers_is_the_one_that_orbax_chooses(
    values: list[float], mode: Any, tmp_path: Path
) -> None:
    options = ocp.CheckpointManagerOptions(
        best_fn=lambda metrics: metrics["eval"]["m"],
        best_mode=mode,
        enable_async_checkpointing=False,
    )
    tree = {"w": np.zeros(2)}
    with ocp.CheckpointManager(tmp_path, options=options) as manager:
        for step, value in enumerate(values):
            metrics = {"eval": {"m": value}}
            manager.save(step, args=ocp.args.StandardSave(tree), metrics=metrics)
    with ocp.CheckpointManager(tmp_path, options=options) as manager:
        assert orbscan.best(tmp_path, "eval.m", mode).step == manager.best_step()
        step = manager.best_step()
    assert orbscan.metadata(tmp_path, step=("eval.m", mode)).path.name == str(step)


@pytest.mark.parametrize(
    ("values", "best"), [([math.nan, 1.0, 2.0], 2), ([2.0, math.nan, 1.0], 0), ([1, math.nan], 0)]
)
def test_nan_is_never_the_best_where_in_orbax_it_depends_on_the_order(
    values: list[float], best: int, tmp_path: Path
) -> None:
    for step, value in enumerate(values):
        write_step(tmp_path, str(step), {"m": value})
    assert orbscan.best(tmp_path, "m").step == best
    options = ocp.CheckpointManagerOptions(best_fn=lambda metrics: metrics["m"], read_only=True)
    with ocp.CheckpointManager(tmp_path, options=options) as manager:
        assert manager.best_step() == len(values) - 1


@pytest.mark.parametrize("value", [None, "0.5", [1.0], {"loss": 1.0}])
def test_a_step_whose_metric_is_not_a_number_is_left_out_where_orbax_fails(
    value: object, tmp_path: Path
) -> None:
    write_step(tmp_path, "1", {"m": 1.0})
    write_step(tmp_path, "2", {"m": value})
    assert orbscan.best(tmp_path, "m").step == 1
    options = ocp.CheckpointManagerOptions(best_fn=lambda metrics: metrics["m"], read_only=True)
    with (
        ocp.CheckpointManager(tmp_path, options=options) as manager,
        pytest.raises(TypeError, match="not supported between"),
    ):
        manager.best_step()


@pytest.mark.parametrize(
    ("given", "shown", "kind"),
    [(0.5, "0.5", "a number"), ([1, 2], "[1, 2]", "a list"), (True, "true", "a boolean")],
)
def test_metrics_that_are_no_object_are_shown_and_have_no_members(
    given: object, shown: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    step = write_step(tmp_path, "1", {})
    (step / "metrics" / "metrics").write_text(json.dumps(given))
    [found] = orbscan.steps(tmp_path)
    assert (found.metrics, found.error) == (given, None)
    assert main(["steps", str(tmp_path)]) == 0
    assert f"  {shown}\n" in capsys.readouterr().out
    reason = (
        f"no committed step has the metric 'm'; the metrics of step 1 are not an object: {kind}"
    )
    with pytest.raises(orbscan.CheckpointNotFoundError) as refused:
        orbscan.best(tmp_path, "m")
    assert refused.value.reason == reason


def test_a_name_with_dots_reaches_into_objects(tmp_path: Path) -> None:
    write_step(tmp_path, "1", {"eval": {"loss": 3.0, "by.class": {"a": 1.0}}})
    write_step(tmp_path, "2", {"eval": {"loss": 1.0, "by": {"class": {"a": 2.0}}}})
    write_step(tmp_path, "3", {"eval": {"loss": 9.0}, "eval.loss": 2.0})
    write_step(tmp_path, "4", {"eval": 5.0})
    assert orbscan.best(tmp_path, "eval.loss", "min").step == 2
    # A member of that very name comes first.
    assert orbscan.best(tmp_path, "eval.loss").step == 1
    assert orbscan.best(tmp_path, "eval.by.class.a").step == 2
    assert orbscan.best(tmp_path, "eval.by.class.a", "min").step == 1
    assert orbscan.best(tmp_path, "eval").step == 4


def test_the_object_with_the_longest_name_comes_first() -> None:
    assert metric.find({"a": {"b": {"c": 1}}, "a.b": {"c": 2}}, "a.b.c") == 2
    assert metric.find({"a": {"b.c": 1}, "a.b": {"d": 2}}, "a.b.c") == 1
    assert metric.find({"a": {"": 1}, "": {"x": 2}}, "a.") == 1
    assert metric.find({"a": {"": 1}, "": {"x": 2}}, ".x") == 2
    assert metric.find({"a": 1}, "a.b") is metric.MISSING


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "eval",
            (
                "the metric 'eval' is not a number: it is an object in step 1; numbers in it: "
                "'eval.acc', 'eval.loss'"
            ),
        ),
        ("note", "the metric 'note' is not a number: it is a string in step 2; available: "),
        ("list", "the metric 'list' is not a number: it is a list in step 2; available: "),
        ("none", "the metric 'none' is not a number: it is null in step 2; available: "),
        ("nan", "the metric 'nan' is not a number: it is NaN in step 2; available: "),
        ("eval.x", "no committed step has the metric 'eval.x'; available: "),
    ],
)
def test_what_is_not_a_number_is_said_with_the_numbers_that_there_are(
    name: str, reason: str, tmp_path: Path
) -> None:
    write_step(tmp_path, "1", {"eval": {"loss": 0.5, "acc": True, "note": "good"}})
    others = {"note": "0.5", "list": [1], "none": None, "nan": math.nan, "loss": 1}
    write_step(tmp_path, "2", others)
    numbers = "'eval.acc', 'eval.loss', 'loss'" if reason.endswith("available: ") else ""
    with pytest.raises(orbscan.CheckpointNotFoundError) as caught:
        orbscan.best(tmp_path, name)
    assert str(caught.value) == f"{tmp_path}: {reason}{numbers}"


def test_steps_that_cannot_be_read_completely_are_counted(tmp_path: Path) -> None:
    write_metrics(tmp_path, "1", '{"loss": ')
    write_step(tmp_path, "2", {"accuracy": 1})
    reason = "'loss'; available: 'accuracy'; steps that cannot be read completely: 1"
    with pytest.raises(orbscan.CheckpointNotFoundError, match=reason):
        orbscan.best(tmp_path, "loss")


def test_deep_and_long_metrics_are_cut(tmp_path: Path) -> None:
    deep = "1"
    for _ in range(400):
        deep = f'{{"{"k" * 30}": {deep}}}'
    write_metrics(tmp_path, "1", deep)
    write_metrics(tmp_path, "2", f'{{"long": {[*range(1000)]}}}')
    for step in (1, 2):
        text = (tmp_path / str(step) / "metrics" / "metrics").read_text()
        (line,) = metric.lines([json.loads(text)], 200)
        assert len(line) == 203
    found = orbscan.steps(tmp_path)
    value = reduce(lambda inner, _: inner["k" * 30], range(400), found[0].metrics)
    assert value == 1
    assert orbscan.best(tmp_path, ".".join(["k" * 30] * 400)).step == 1


def test_a_number_of_more_digits_than_python_reads_is_an_error_of_its_step(tmp_path: Path) -> None:
    write_metrics(tmp_path, "1", f'{{"loss": {"1" * 4301}}}')
    write_step(tmp_path, "2", {"loss": 1})
    first, second = orbscan.steps(tmp_path)
    assert isinstance(first.error, orbscan.FormatError)
    assert "number of 4301 digits" in first.error.reason
    assert second.metrics == {"loss": 1}
    assert orbscan.best(tmp_path, "loss").step == 2
