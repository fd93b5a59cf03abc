"""Shares of tables: together they are the whole, wherever each of them is read."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from orbscan.scanning import shares as module
from orbscan.scanning import tables

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "leaves": tables.leaf_table,
    "checkpoints": tables.checkpoint_table,
    "findings": tables.finding_table,
}

each_table = pytest.mark.parametrize("table", TABLES)


def rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


def read(share: orbscan.Share) -> pa.Table:
    return pa.table(share.read())


@each_table
@pytest.mark.parametrize("count", [1, 3, 50])
def test_shares_are_the_whole(table: Any, count: int, run: Path) -> None:
    shares = orbscan.shares(run, count, table=table, threads=1)
    assert [(share.index, share.count) for share in shares] == [(at, count) for at in range(count)]
    together = pa.concat_tables(map(read, shares))
    assert rows(together) == rows(pa.table(TABLES[table](run)))
    assert pa.schema(shares[0].schema()).equals(together.schema, check_metadata=True)


@each_table
@pytest.mark.parametrize("options", [{}, {"since": True}])
def test_an_engine_has_no_task_without_anything_to_read(
    table: Any, options: dict[str, Any], run: Path
) -> None:
    since = pa.table(tables.checkpoint_table(run)) if options else None
    count = len([*orbscan.scan(run)])
    made = {} if since is None or table == "findings" else {"since": since}
    shares = module.Source(run, table, made).shares(200)
    assert len(shares) == count > 1
    assert [(share.index, share.count) for share in shares] == [(at, count) for at in range(count)]
    assert rows(pa.concat_tables(map(read, shares))) == rows(pa.table(TABLES[table](run, **made)))
    # One remains where there is nothing.
    assert len(module.Source([], table, {}).shares(200)) == 1


def test_shares_are_read_in_other_processes(golden: Path) -> None:
    shares = orbscan.shares(golden, 4, threads=1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        together = pa.concat_tables(pool.map(read, shares))
    whole = pa.table(tables.leaf_table(golden))
    assert rows(together) == rows(whole)
    sums = together.group_by("dtype").aggregate([("nbytes", "sum")])
    assert rows(sums) == rows(whole.group_by("dtype").aggregate([("nbytes", "sum")]))


def test_a_vanished_checkpoint_is_told_by_one_share(run: Path) -> None:
    since = pa.table(tables.checkpoint_table(run))
    shutil.rmtree(run / "10")
    shares = orbscan.shares(run, 5, table="checkpoints", since=since)
    together = pa.concat_tables(map(read, shares))
    states = dict(zip(together["path"].to_pylist(), together["state"].to_pylist(), strict=True))
    assert states == {str(run / "0"): "unchanged", str(run / "10"): "vanished"}
    assert together.num_rows == 2


def test_a_pattern_is_expanded_once(run: Path) -> None:
    (share,) = orbscan.shares(f"{run}/*", 1, table="checkpoints", leaves=False)
    shutil.copytree(run / "10", run / "20")
    assert sorted({*read(share)["root"].to_pylist()}) == [str(run / "0"), str(run / "10")]


def test_a_share_of_another_version_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (share,) = orbscan.shares(run, 1)
    monkeypatch.setattr(module, "_version", lambda: "9.9.9")
    pickled = pickle.dumps(share)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=rf"orbscan 9\.9\.9 .* orbscan {orbscan.__version__}:"):
        pickle.loads(pickled)  # noqa: S301


def test_what_may_be_secret_is_not_shown() -> None:
    secret = {"aws_secret_access_key": "hush", "aws_access_key_id": "id"}
    (share,) = orbscan.shares("s3://bucket/run", 1, store_options=secret)
    assert repr(share) == "<Share 0 of 1 of the table of leaves>"
    assert "hush" not in f"{share!r}{share}{share.schema()!r}"
    copy = pickle.loads(pickle.dumps(share))  # noqa: S301
    assert copy._options["store_options"] == secret


def test_mistakes_show_before_anything_is_read(run: Path) -> None:
    for message, arguments in {
        "expected one of leaves, checkpoints, findings": {"table": "steps"},
        "pass only the number of shares": {"shard": (0, 2)},
        "latest must be at least 1": {"latest": 0},
        "level 'deep'": {"table": "findings", "level": "deep"},
    }.items():
        with pytest.raises(ValueError, match=message):
            orbscan.shares(run, 2, **arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count must be at least 1"):
        orbscan.shares(run, 0)
    with pytest.raises(TypeError):
        orbscan.shares(run, 2, newest=1)
    (share,) = orbscan.shares(run, 1)
    with pytest.raises(AttributeError, match="immutable"):
        share.index = 1
