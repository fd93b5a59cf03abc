"""Requests and rounds of reads from a bucket are those that docs/buckets.md states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from tests.remote.buckets import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.remote.proxy import Proxy

BASE = f"gs://{BUCKET}"
RUN = f"{BASE}/o0.12.8-manager/run"
STEPS = 2
# The listing; what the answer needs; what may be a key of a random generator.
METADATA = {
    "o0.12.8-v1-sharded/chunked": (1, 5),
    "o0.12.8-manager/run/10": (1, 5),
    "o0.12.8-composite/ckpt": (1, 6),
    "o0.12.8-flat/ckpt": (1, 6),
    "o0.12.8-no-ocdbt/ckpt": (1, 9),
    "o0.12.8-v1-typed-keys/ckpt": (1, 5, 1),
}
ARRAYS = 5
# Rows of the page, their rounds, and what of their requests depends on the checkpoint.
ROWS: dict[str, tuple[str, str, int]] = {
    "`metadata`, V1, OCDBT": ("o0.12.8-v1-sharded/chunked", "", 0),
    "`metadata`, one step of a manager": ("o0.12.8-manager/run/10", "", 0),
    "`metadata`, V0 composite": ("o0.12.8-composite/ckpt", "", 0),
    "`metadata`, flat": ("o0.12.8-flat/ckpt", "", 0),
    "`metadata`, arrays in files, up to 1,000 files": (
        "o0.12.8-no-ocdbt/ckpt",
        "arrays + ",
        ARRAYS,
    ),
}
PAGE = Path(__file__).parents[2] / "docs" / "buckets.md"
OTHERS: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "four checkpointables": (
        (1, 17),
        lambda: orbscan.checkpointables_metadata(f"{BASE}/o0.12.8-v1-checkpointables/all"),
    ),
    "whether it is one": (
        (1,),
        lambda: orbscan.is_orbax_checkpoint(f"{BASE}/o0.12.8-v1-sharded/chunked"),
    ),
    # Of each its listing, its document and its metrics.
    "steps": ((1, 3 * STEPS), lambda: orbscan.steps(RUN, atomicity="atomic_rename")),
    "names of steps": (
        (1,),
        lambda: orbscan.steps(RUN, atomicity="atomic_rename", details=False),
    ),
    "the latest step": ((1, 3), lambda: orbscan.latest(RUN, atomicity="atomic_rename")),
    "the best step": (
        (1, 3 * STEPS),
        lambda: orbscan.best(RUN, "loss", atomicity="atomic_rename"),
    ),
    "steps by commit files": ((1, 3 * STEPS), lambda: orbscan.steps(RUN)),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_page_states_what_is_tested_here(row: str) -> None:
    case, of_checkpoint, of_arrays = ROWS[row]
    rounds = METADATA[case]
    stated = f"| {row} | {len(rounds)} | {of_checkpoint}{sum(rounds) - of_arrays} |"
    assert stated in PAGE.read_text("utf-8")


@pytest.mark.parametrize("case", METADATA)
def test_a_read_takes_one_listing_and_one_round(warm: Proxy, case: str) -> None:
    warm.reset(*METADATA[case])
    orbscan.metadata(f"{BASE}/{case}", atomicity="atomic_rename")
    assert len(warm.requests) == sum(METADATA[case]), warm.requests


@pytest.mark.parametrize("name", OTHERS)
def test_other_questions_take_no_more(warm: Proxy, name: str) -> None:
    rounds, ask = OTHERS[name]
    warm.reset(*rounds)
    assert ask()
    assert len(warm.requests) == sum(rounds), warm.requests


def test_a_path_where_nothing_lies_takes_two_requests(warm: Proxy) -> None:
    warm.reset(1, 1)
    with pytest.raises(orbscan.CheckpointNotFoundError, match="does not exist"):
        orbscan.metadata(f"{BASE}/nothing")
    assert len(warm.requests) == 2


def test_what_did_not_change_takes_one_request_for_each_checkpoint(warm: Proxy) -> None:
    def scanned(**options: Any) -> pa.Table:
        return pa.table(orbscan.scan(RUN, atomicity="atomic_rename", **options).checkpoints())

    before = scanned()
    warm.reset()
    assert scanned(since=before).num_rows == STEPS
    # Of the root its children, what is above it, and a directory of it that is not a step.
    assert len(warm.requests) == STEPS + 3, warm.requests
