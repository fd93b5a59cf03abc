"""What Orbax wrote and nobody damaged has no error at any level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

MARKS = ("_CHECKPOINT_METADATA", "_METADATA", "checkpoint")

INTACT = [case for case in corpus.cases() if "damaged" not in case.id and "killed" not in case.id]


def checkpoints(root: Path) -> list[Path]:
    """The checkpoints below a directory, but nothing inside of one."""
    if any((root / mark).is_file() for mark in MARKS):
        return [root]
    return [
        found for child in sorted(root.iterdir()) if child.is_dir() for found in checkpoints(child)
    ]


@pytest.mark.parametrize("case", INTACT, ids=lambda case: case.id)
def test_an_intact_checkpoint_has_no_error(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    found = checkpoints(tmp_path)
    assert found
    for checkpoint in found:
        report = orbscan.verify(checkpoint, level="data", check_values=True)
        assert report.ok, str(report)
