"""Checkpoints that Orbax wrote, unpacked for each test so that it can damage them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import corpus

Unpacked = Callable[[str, str], Path]
"""Unpacks a golden case and gives the path of a checkpoint in it."""


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpacked:
    def unpack(case: str, checkpoint: str) -> Path:
        corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", tmp_path)
        return tmp_path / case / checkpoint

    return unpack


@pytest.fixture
def v1(unpacked: Unpacked) -> Path:
    """A V1 checkpoint whose chunks are so short that they lie in the index."""
    return unpacked("o0.12.8-v1-sharded", "chunked")
