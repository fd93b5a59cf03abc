"""`--name` of `orbscan verify` and `orbscan du`: what they say of the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from pathlib import Path

TREE = {"w": Array((2,))}


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    path = handmade.write(tmp_path / "c", {"ema": TREE, "params": TREE, "dataset": JSON})
    for name in ("ema", "params"):
        (path / name / "w" / "0").write_bytes(bytes(8))
    return path


def test_a_verdict_of_one_says_that_the_others_were_not_looked_at(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(composite), "--name", "params"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{composite}: params alone: ok at level index"
    assert second.startswith("  looked at 1 leaf, 1 chunk, ")
    assert third == "  others    not looked at: dataset (not a pytree), ema"
    assert main(["verify", str(composite), "--name", "params", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["alone"] == {
        "checkpointable": "params",
        "others": [{"name": "dataset", "is_pytree": False}, {"name": "ema", "is_pytree": True}],
    }


def test_each_of_several_checkpoints_is_checked_for_the_one(
    composite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handmade.write(tmp_path / "d", {"ema": TREE})
    assert main(["verify", str(composite), str(tmp_path / "d"), "--name", "params"]) == 5
    shown = capsys.readouterr()
    with pytest.raises(orbscan.InvalidLayoutError) as refused:
        orbscan.metadata(tmp_path / "d", "params")
    assert shown.err == f"orbscan: error: {refused.value}\n"
    assert shown.out.endswith(
        "2 checkpoints, params alone: 1 ok, 0 damaged, 0 leaves lost, 1 could not be checked\n"
    )
