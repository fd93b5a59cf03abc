"""Numbers in what is told agree with their nouns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.checking.test_intact import checkpoints
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

ONE_OF_MANY = re.compile(
    r"(?<![\w.,:\[-])1 (\w+ )?"
    r"(arrays|bytes|chunks|databases|entries|files|findings|keys|leaves|nodes|shardings|values)\b"
)

DAMAGED = [case for case in corpus.golden_cases() if "damaged" in case.id]


@pytest.mark.parametrize("case", DAMAGED, ids=lambda case: case.id)
def test_one_thing_is_told_in_the_singular(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    for checkpoint in checkpoints(tmp_path):
        try:
            texts = [str(orbscan.verify(checkpoint, level="data"))]
            texts += [issue.reason for issue in orbscan.du(checkpoint).issues]
        except orbscan.OrbscanError as error:
            texts = [str(error)]
        for text in texts:
            assert not ONE_OF_MANY.search(text), text


def test_one_stray_byte_is_told_in_the_singular(tmp_path: Path) -> None:
    import numpy as np
    import orbax.checkpoint as ocp

    ocp.PyTreeCheckpointer().save(tmp_path / "ckpt", {"a": np.arange(3)})
    (tmp_path / "ckpt" / "d" / "stale").write_bytes(b"x")
    (finding,) = orbscan.verify(tmp_path / "ckpt").findings
    assert finding.reason.startswith("1 file of 1 byte that nothing refers to")
