"""Trees of checkpoints: all golden ones, and small roots to do damage to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

STEP = "o0.12.8-v1-sharded"


def unpacked(case: str, where: Path) -> Path:
    """Unpack a golden case below a directory."""
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", where)
    return where / case


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every golden case; not to be changed."""
    where = tmp_path_factory.mktemp("archive")
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, where)
    return where


@pytest.fixture(scope="session")
def step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sound checkpoint; not to be changed."""
    return unpacked(STEP, tmp_path_factory.mktemp("step")) / "chunked"


@pytest.fixture
def runs(step: Path, tmp_path: Path) -> Path:
    """Two manager roots of some steps each; to be changed at will."""
    root = tmp_path / "runs"
    for number in (9, 10, 100):
        shutil.copytree(step, root / "a" / str(number))
    for number in (7, 8):
        shutil.copytree(step, root / "b" / f"step_{number:04}")
    return root
