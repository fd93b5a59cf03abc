"""The files in the table of `orbscan du`, and the lines that sum them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan
from orbscan.checking import usage_text
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.checking.conftest import Unpacked


PARTS = ("data ", "index", "unuse", "other")


@pytest.fixture(params=["a database", "files"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A small checkpoint of each kind of store."""
    path = tmp_path / "ckpt"
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=request.param == "a database")
    with ocp.Checkpointer(handler) as checkpointer:
        tree = {"w": np.arange(600.0), "b": np.arange(3)}
        checkpointer.save(path, args=ocp.args.PyTreeSave(tree))
    return path


def test_chunk_files_are_summed_up_unless_every_file_is_asked_for(
    unpacked: Unpacked, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = unpacked("o0.12.8-no-ocdbt", "sharded")
    usage = orbscan.du(checkpoint)
    chunks = [file.path for file in usage.files if file.role == "chunk"]
    assert "short/3.0" in chunks
    assert main(["du", str(checkpoint)]) == 0
    out = capsys.readouterr().out
    assert f"({len(chunks)} chunk files)" in out
    assert "short/3.0" not in out
    assert main(["du", str(checkpoint), "--files"]) == 0
    out = capsys.readouterr().out
    assert "chunk files)" not in out
    for path in checkpoint.rglob("*"):
        assert path.is_dir() or f"\n{path.relative_to(checkpoint)} " in out


def test_the_lines_of_the_summary_add_up(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkpoint / "notes.txt").write_text("x")
    monkeypatch.setattr(usage_text, "size", str)
    assert main(["du", str(checkpoint)]) == 0
    lines = capsys.readouterr().out.splitlines()
    amounts = {line.split()[0]: int(line.split()[1]) for line in lines if line[:5] in PARTS}
    (total,) = (int(line.split()[2]) for line in lines if line.startswith("on disk"))
    assert set(amounts) == {"data", "index", "unused", "other"}
    assert (
        sum(amounts.values())
        == total
        == sum(path.stat().st_size for path in checkpoint.rglob("*") if path.is_file())
    )
