"""The directory of a pytree in a checkpoint, given as the path: the pytree of that checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import pytest
from orbax.checkpoint.experimental import v1

import orbscan
import orbscan.orbax
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="path", scope="module")
def fixture_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("items") / "7"
    tree = {"w": jax.numpy.arange(8.0), "n": np.ones((2, 3)), "step": 7}
    v1.save_checkpointables(path, {"state": tree, "ema": {"w": np.zeros(2)}})
    return path


@pytest.mark.filterwarnings("ignore:Sharding info not provided")  # of Orbax, which then reads it
def test_metadata_and_what_is_loaded(path: Path) -> None:
    assert orbscan.metadata(path / "state", None) == orbscan.metadata(path, "state")
    loaded = orbscan.load(path / "state", checkpointable_name=None)
    assert loaded["w"].tolist() == [*range(8)]
    assert loaded["step"] == 7
    on_mesh = orbscan.load(
        path / "state", checkpointable_name=None, mesh=jax.make_mesh((1,), ("x",))
    )
    assert on_mesh["w"].sharding.spec == jax.sharding.PartitionSpec()
    array = orbscan.open_array(path / "state", "n", None)
    assert array.read().result().shape == (2, 3)


def test_what_is_found_and_what_it_takes(path: Path) -> None:
    inside, outside = orbscan.verify(path / "state", None), orbscan.verify(path, "state")
    assert inside == outside
    assert inside.alone is not None
    assert inside.alone.name == "state"
    assert [other.name for other in inside.alone.others] == ["ema"]
    assert orbscan.du(path / "state", None) == orbscan.du(path, "state")


def test_a_difference(path: Path) -> None:
    inside = orbscan.diff(path / "state", path, name=None, other_name="state")
    outside = orbscan.diff(path, path, name="state")
    assert inside == replace(outside)


@pytest.mark.parametrize("command", ["show", "verify", "du", "plan --mesh x=2"])
def test_commands_answer_alike(
    path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(*words: Any) -> Any:
        name, *options = command.split()
        assert main([name, *map(str, words), *options, "-o", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert answer(path / "state", "--flat") == answer(path, "--name", "state")


def test_only_without_a_name(path: Path) -> None:
    for name in ("AUTO", "state"):
        with pytest.raises(orbscan.InvalidLayoutError):
            orbscan.metadata(path / "state", name)
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.verify(path / "state")
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.orbax.metadata(path / "state", None)
    with pytest.raises(orbscan.InvalidLayoutError):
        orbscan.verify(path.parent, None)
