"""The functions that make tables, as an engine calls them: pickled, in other processes."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

import orbscan
from orbscan.scanning import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def leaves_of(batch: pa.RecordBatch) -> pa.Table:
    """What one would pass to `map_batches`."""
    return pa.table(tables.leaf_table(batch["path"].to_pylist(), threads=1, ordered=True))


@pytest.mark.parametrize("function", [tables.leaf_table, tables.checkpoint_table])
def test_the_functions_can_be_pickled(function: Callable[..., object]) -> None:
    copy = pickle.loads(pickle.dumps(partial(function, threads=1)))  # noqa: S301
    assert copy.func is function


def test_two_processes_make_parts_of_one_table(golden: Path) -> None:
    scan = orbscan.scan(golden, leaves=False, ordered=True)
    paths = [str(entry.path) for entry in scan if entry.state == "read"]
    parts = [pa.record_batch({"path": paths[at : at + 50]}) for at in range(0, len(paths), 50)]
    # As an engine starts them: with nothing of this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        pieces = [*pool.map(leaves_of, parts)]
    whole = pa.table(tables.leaf_table(paths, threads=1, ordered=True))
    assert pa.concat_tables(pieces).to_pylist() == whole.to_pylist()
