from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All golden checkpoints in one tree, each case in a folder of its name."""
    root = tmp_path_factory.mktemp("golden")
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, root / case.id)
    return root


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A manager root with the steps 0 and 10."""
    case = next(case for case in corpus.golden_cases() if case.id == "o0.12.8-manager")
    corpus.unpack(case.archive, tmp_path)
    return tmp_path / case.id / "run"
