"""Copies of golden checkpoints, to be changed by each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden checkpoints, each in a directory of its own; not to be changed."""
    top = tmp_path_factory.mktemp("golden")
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, top)
    return top


@pytest.fixture
def copy(golden: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """Copies what lies at a path below the golden checkpoints to a name of the test's own."""

    def copied(source: str, name: str) -> Path:
        shutil.copytree(golden / source, tmp_path / name)
        return tmp_path / name

    return copied
