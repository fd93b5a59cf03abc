"""A scan that wants no shardings reads none, and one that wants them does not take that over."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import orbscan
from orbscan.cli import main
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    archive = corpus.GOLDEN / "corpus" / "o0.12.8-v1-sharded.tar.gz"
    corpus.unpack(archive, tmp_path)
    shutil.move(tmp_path / "o0.12.8-v1-sharded", tmp_path / "runs")
    return tmp_path / "runs"


def types(scan: orbscan.Scan) -> set[str | None]:
    return {*pa.table(scan.leaves())["sharding_type"].to_pylist()}


def test_leaves_have_no_sharding_and_all_else(root: Path) -> None:
    assert types(orbscan.scan(root)) != {None}
    assert types(orbscan.scan(root, shardings=False)) == {None}
    columns = ["keypath", "shape", "dtype", "complete"]
    tables = [
        pa.table(orbscan.scan(root, ordered=True, shardings=shardings).leaves())
        for shardings in (True, False)
    ]
    assert tables[0].select(columns) == tables[1].select(columns)


def test_what_was_read_without_is_read_again_where_they_are_wanted(root: Path) -> None:
    without = [*orbscan.scan(root, shardings=False)]
    states = {entry.state for entry in orbscan.scan(root, shardings=False, since=without)}
    assert states == {"unchanged"}
    assert {entry.state for entry in orbscan.scan(root, since=without)} == {"read"}


def test_what_is_wrong_with_them_is_not_found(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in root.rglob("_sharding"):
        file.write_text("{")
    assert not all(entry.complete for entry in orbscan.scan(root))
    assert all(entry.complete for entry in orbscan.scan(root, shardings=False))
    assert main(["ls", str(root)]) == 5
    assert main(["ls", str(root), "--no-shardings"]) == 0
    capsys.readouterr()
