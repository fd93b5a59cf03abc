"""Who of several reads what: pieces of a walk, earlier rows, parts of large checks."""

from __future__ import annotations

import pickle
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from orbscan.scanning import tables
from orbscan.scanning.division import divided
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

TABLES: dict[str, Any] = {
    "leaves": tables.leaf_table,
    "checkpoints": tables.checkpoint_table,
    "findings": tables.finding_table,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "all": {},
    "newest": {"latest": 1},
    "steps": {"steps": (5, None)},
    "committed": {"committed": True},
    "unfinished": {"committed": False, "atomicity": "commit_file"},
    "matching": {"match": "o0.12*/**"},
    "excluding": {"exclude": ["o0.11*", "**/ckpt"]},
    "names": {"leaves": False},
}

LARGE = ("o0.12.8-chunked", "o0.12.8-chunked-zarr3", "o0.12.8-v1-sharded", "o0.12.8-no-ocdbt")


def rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


def together(shares: list[orbscan.Share]) -> pa.Table:
    """What several machines read, each of which gets its share as bytes."""
    sent = [pickle.loads(pickle.dumps(share)) for share in shares]  # noqa: S301
    return pa.concat_tables([pa.table(share.read()) for share in sent])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("table", ["checkpoints", "leaves"])
def test_shares_are_the_whole_whatever_is_wanted(
    table: Any, options: dict[str, Any], golden: Path
) -> None:
    whole = rows(pa.table(TABLES[table](golden, **options)))
    for count in (2, 7, 400):
        shares = orbscan.shares(golden, count, table=table, threads=2, **options)
        assert rows(together(shares)) == whole, count


def test_several_roots_some_of_which_are_none(golden: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    roots = [tmp_path / "missing", golden / "o0.12.8-manager", file, golden / "o0.11*"]
    shares = orbscan.shares(roots, 5, table="checkpoints")
    assert rows(together(shares)) == rows(pa.table(tables.checkpoint_table(roots)))


def test_what_did_not_change_is_known_where_it_is_read(golden: Path) -> None:
    since = pa.table(tables.checkpoint_table(golden))
    shares = orbscan.shares(golden, 6, table="checkpoints", since=since)
    found = together(shares)
    assert rows(found) == rows(pa.table(tables.checkpoint_table(golden, since=since)))
    assert found["state"].to_pylist().count("unchanged") > 100
    # Each has what it needs, and no more.
    known = [share._portion.since for share in shares]
    assert max(map(len, known)) < sum(map(len, known)) / 2


def test_a_directory_that_a_worker_does_not_have_is_a_row(golden: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for case in ("o0.12.8-manager", "o0.11.36-manager"):
        shutil.copytree(golden / case, root / case)
    for table in TABLES:
        shares = orbscan.shares(root, 3, table=table)  # type: ignore[arg-type]
        # Another disk is mounted here, or nothing is.
        (root / "o0.12.8-manager").rename(tmp_path / "aside")
        found = together(shares).filter(pa.compute.field("error_kind") == "not_found").to_pylist()
        assert found, table
        for row in found:
            assert row["path"].startswith(str(root / "o0.12.8-manager")), table
            assert "was there when the scan was divided, and is not there now" in row["error"]
        (tmp_path / "aside").rename(root / "o0.12.8-manager")


def test_names_of_one_directory_travel_together(run: Path) -> None:
    for step in range(20, 60):
        shutil.copytree(run / "0", run / str(step))
    (portion, *_) = divided([str(run)], 2, {}, part_bytes=None)
    assert portion.pieces is not None
    assert [len(names) for _, _, names in portion.pieces] == [len(portion.pieces[0][2])]
    assert 20 <= len(portion.pieces[0][2]) <= 22


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of which some chunks are damaged, and some are sound."""
    root = tmp_path_factory.mktemp("damaged")
    for case in LARGE:
        archive = next(one.archive for one in corpus.golden_cases() if one.id == case)
        corpus.unpack(archive, root)
        corpus.unpack(archive, root / "sound")
        for file in (root / case).rglob("*"):
            if file.is_file() and (file.parent.name == "d" or file.name[0].isdigit()):
                content = bytearray(file.read_bytes())
                for at in range(7, len(content), 61):
                    content[at] ^= 0x55
                if file.stat().st_size % 3 == 0:
                    content += b"more"
                file.write_bytes(content)
    return root


@pytest.mark.parametrize("part_bytes", [200, 1_500, 1 << 30])
@pytest.mark.parametrize("count", [2, 5])
def test_findings_of_parts_are_those_of_one_check(
    part_bytes: int, count: int, damaged: Path
) -> None:
    options: dict[str, Any] = {"table": "findings", "level": "data", "check_values": True}
    shares = orbscan.shares(damaged, count, part_bytes=part_bytes, **options)
    found = together(shares)
    merged = orbscan.merge_findings(found)
    whole = pa.table(tables.finding_table(damaged, level="data", check_values=True))
    assert rows(merged) == rows(whole)
    assert {"chunk-damaged", None} <= {*whole["code"].to_pylist()}
    parts = {part for part in found["parts"].to_pylist() if part is not None}
    assert (max(parts, default=0) > 9) == (part_bytes == 200)
    assert (parts == set()) == (part_bytes > 1_500)


def test_a_large_checkpoint_does_not_end_up_with_one_worker(damaged: Path) -> None:
    sound = damaged / "sound" / "o0.12.8-chunked"
    whole = pa.table(tables.finding_table(sound, level="data"))
    shares = orbscan.shares(sound, 4, table="findings", level="data", part_bytes=100)
    checked = [pa.table(share.read())["checked_bytes"].to_pylist() for share in shares]
    most = max(sum(of_share) for of_share in checked)
    total = sum(whole["checked_bytes"].to_pylist())
    assert sum(map(sum, checked)) == total
    assert most < total / 2


def test_parts_of_different_tables_do_not_go_together(damaged: Path) -> None:
    options: dict[str, Any] = {"table": "findings", "level": "data"}
    shares = orbscan.shares(damaged, 3, part_bytes=500, **options)
    with pytest.raises(ValueError, match=r"part \d+ of \d+ is missing: give the rows of all"):
        orbscan.merge_findings(together(shares[:1]))
    other = orbscan.shares(damaged, 3, part_bytes=900, **options)
    with pytest.raises(ValueError, match="is missing: give the rows of all shares of one table"):
        orbscan.merge_findings(together([*shares, *other]))
    with pytest.raises(ValueError, match="not a table of findings"):
        orbscan.merge_findings(tables.leaf_table(damaged))
    with pytest.raises(ValueError, match="part_bytes must be at least 1"):
        orbscan.shares(damaged, 3, part_bytes=0, **options)
