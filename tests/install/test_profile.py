"""The extension is compiled with a profile of what reads execute, if there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benches import synthetic
from tests.support.processes import output
from tools.pgo import train

ROOT = Path(__file__).parents[2]


def compiler(target: Path) -> list[str]:
    """The options that a compiler gets, given the directory that cargo builds in."""
    command = [str(ROOT / "tools" / "pgo" / "rustc"), "printf", "%s\\n", "own"]
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    return output(command, env=environment).splitlines()


def test_without_a_profile_one_is_written(tmp_path: Path) -> None:
    assert compiler(tmp_path) == ["own", f"-Cprofile-generate={tmp_path}/pgo/raw"]
    assert (tmp_path / "pgo" / "raw").is_dir()


def test_a_profile_is_used(tmp_path: Path) -> None:
    (tmp_path / "pgo").mkdir()
    profile = tmp_path / "pgo" / "orbscan.profdata"
    profile.touch()
    options = compiler(tmp_path)
    assert options[1:3] == ["--cfg", "orbscan_profiled"]
    assert f"-Cprofile-use={profile}" in options


@pytest.mark.parametrize("kind", ["read", "unreadable"])
def test_the_profile_is_that_of_real_reads(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "READS", 1)
    synthetic.write(tmp_path / "state", [*train.arrays(8)])
    if kind == "unreadable":
        (tmp_path / "state" / "_METADATA").write_text("{")
    asked: list[str] = []
    read = train.tolerated

    def counted(ask: object, path: object) -> None:
        asked.append(getattr(ask, "__name__", "entry"))
        read(ask, path)  # type: ignore[arg-type] # as it is called

    monkeypatch.setattr(train, "tolerated", counted)
    train.train(tmp_path)
    assert {"metadata", "checkpointables_metadata", "verify", "du"} <= {*asked}
