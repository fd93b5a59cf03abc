"""`--step`, `--prefix` and `--no-prefix` of the commands that read one checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orbscan.cli import main
from tests.reading.steps.support import write_step
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from pathlib import Path


PREFIXES = ["a", "b", "a_b", "", None]
STEPS = {"a": (1, 20), "b": (7,), "a_b": (3,), "": (5,), None: (4, 30)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Steps of several prefixes, and a checkpoint of another name."""
    losses = {
        str(step) if prefix is None else f"{prefix}_{step}": 100 - step
        for prefix, steps in STEPS.items()
        for step in steps
    }
    for name, loss in {**losses, "best_-0.5": 0}.items():
        step = handmade.write(tmp_path / name, {"state": {"w": Array((2,))}})
        (step / "state" / "w" / "0").write_bytes(bytes(8))
        (step / "metrics").mkdir()
        (step / "metrics" / "metrics").write_text(json.dumps({"loss": loss}))
    return tmp_path


@pytest.mark.parametrize("command", ["show", "plan", "verify", "du", "diff"])
def test_every_command_takes_a_name_as_the_step(
    command: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = [str(root), "--other-step", "best_-0.5"] if command == "diff" else []
    mesh = ["--mesh", "x=1"] if command == "plan" else []
    assert main([command, str(root), *other, *mesh, "--step", "best_-0.5"]) == 0
    written = capsys.readouterr()
    assert written.out
    assert not written.err


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("step", "expected"), [("latest", max), ("best:loss", min), ("best:loss:min", max)]
)
def test_a_command_takes_a_prefix(
    step: str, expected: Any, prefix: str | None, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    option = ["--no-prefix"] if prefix is None else [f"--prefix={prefix}"]
    for command in ("show", "du", "verify"):
        assert main([command, str(root), "--step", step, *option]) == 0
        number = expected(STEPS[prefix])
        name = str(number) if prefix is None else f"{prefix}_{number}"
        assert str(root / name) in capsys.readouterr().out
    assert main(["steps", str(root), "-o", "json", *option]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {found["prefix"] for found in steps} == {prefix}


@pytest.mark.parametrize("arguments", [["--prefix", "a"], ["--no-prefix", "--step", "a_7"]])
def test_a_prefix_where_nothing_is_to_be_chosen_is_wrong_use(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["show", str(tmp_path), *arguments])
    assert caught.value.code == 2
    assert "need a --step that is not a name" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "verify", "du", "plan"])
def test_a_command_takes_a_metric_in_an_object(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_step(tmp_path, "1", {"eval": {"loss": 3.0}})
    write_step(tmp_path, "2", {"eval": {"loss": 1.0}})
    main([command, str(tmp_path), "--step", "best:eval.loss:min"])
    main([command, str(tmp_path), "--step", "best:eval"])
    output = capsys.readouterr()
    assert f"{tmp_path / '2'}" in output.err + output.out
    assert "it is an object in step 2; numbers in it: 'eval.loss'" in output.err
