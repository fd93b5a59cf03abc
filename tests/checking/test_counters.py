"""What a check says that it looked at is what there was to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orbax.checkpoint as ocp
import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

    from orbscan.checking.verdict import Progress

TREES = {
    "inline": {f"a{number}": np.arange(6.0) for number in range(40)},
    "in data files": {"a": np.random.default_rng(1).random((300, 300))},
    "both": {"a": np.random.default_rng(1).random((300, 300)), "b": np.arange(3)},
}


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("handler", [{}, {"use_ocdbt": False}], ids=["database", "files"])
def test_every_stored_byte_of_a_chunk_is_decoded(
    tree: str, handler: dict[str, bool], tmp_path: Path
) -> None:
    path = tmp_path / "ckpt"
    ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**handler)).save(path, TREES[tree])
    told: list[Progress] = []
    report = orbscan.verify(path, level="data", progress=told.append)
    assert report.findings == ()
    assert report.extent.nbytes == orbscan.du(path).stored > 0
    assert report.extent.chunks == sum(leaf.chunks for leaf in orbscan.du(path).leaves)
    assert (told[-1].nbytes, told[-1].chunks) == (report.extent.nbytes, report.extent.chunks)
    assert all(progress.nbytes <= progress.total for progress in told)
    assert "0 B decoded" not in str(report).split(", ")
