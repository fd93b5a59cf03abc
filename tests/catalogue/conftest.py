from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    Rows = list[str]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manager root with the steps 0 and 10, and a metric each."""
    case = next(case for case in corpus.golden_cases() if case.id == "o0.12.8-manager")
    folder = tmp_path_factory.mktemp("saved")
    corpus.unpack(case.archive, folder)
    return folder / case.id / "run"


@pytest.fixture
def fleet(saved: Path, tmp_path: Path) -> Path:
    """Two runs of three steps: a damaged one, and a save that never finished, are in the second."""
    root = tmp_path / "fleet"
    for run in ("a", "b"):
        for step in (10, 20, 30):
            shutil.copytree(saved / "10", root / run / str(step))
    next((root / "b" / "20").rglob("_METADATA")).unlink()
    (root / "b" / "30").rename(root / "b" / "30.orbax-checkpoint-tmp")
    return root


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where there is no catalogue yet."""
    return tmp_path / "fleet.delta"


def rows(table: Any) -> Rows:
    """The rows of a table in an order that they have by themselves."""
    table = table.to_table() if hasattr(table, "to_table") else pa.table(table)
    return sorted(repr(sorted(row.items())) for row in table.to_pylist())


def check(target: Path, *roots: Path) -> orbscan.Catalogue:
    """Hold a catalogue against the tables of a scan of today."""
    catalogue = orbscan.open_catalogue(target)
    assert rows(catalogue.leaves()) == rows(orbscan.leaf_table(roots))
    assert rows(catalogue.checkpoints()) == rows(orbscan.checkpoint_table(roots))
    return catalogue


def files(target: Path) -> set[str]:
    """The files of the newest state, but for the one with its roots."""
    catalogue = orbscan.open_catalogue(target)
    return {path for path in catalogue._state.files if "=roots/" not in path}
