"""Shares of a table of what lies in a bucket: what they ask for, also without a login."""

from __future__ import annotations

import json
import os
import pickle
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from tests.remote import memory, proxy
from tests.remote.buckets import SECRET
from tests.support.processes import ROOT, output

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNS = 4
STEPS = 15
ROOT_URL = f"s3://{memory.BUCKET}/runs"


@pytest.fixture
def fleet(disk: Path) -> Iterator[tuple[proxy.Proxy, dict[str, str]]]:
    """Sixty checkpoints behind a counting proxy, and what leads there."""
    held = memory.Memory()
    for run in range(RUNS):
        for step in range(STEPS):
            held.add(disk / "o0.12.8-manager" / "run" / "10", f"runs/run_{run}/{step}")
    with ExitStack() as stack:
        before, stop = proxy.start(stack.enter_context(memory.serve(held)))
        stack.callback(stop)
        yield (
            before,
            {
                "endpoint": f"http://127.0.0.1:{before.port}",
                "allow_http": "true",
                "region": "us-east-1",
                "access_key_id": "key",
                "secret_access_key": SECRET,
            },
        )


def rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("leaves", {}),
        ("checkpoints", {"leaves": False}),
        ("checkpoints", {"latest": 3}),
        ("findings", {"level": "index"}),
        ("findings", {"level": "data"}),
    ],
)
def test_all_shares_ask_for_little_more_than_one_machine(
    table: Any, options: dict[str, Any], fleet: tuple[proxy.Proxy, dict[str, str]]
) -> None:
    before, store = fleet
    read: Any = {
        "leaves": orbscan.leaf_table,
        "checkpoints": orbscan.checkpoint_table,
        "findings": orbscan.finding_table,
    }[table]
    before.reset()
    alone = pa.table(read(ROOT_URL, store_options=store, **options))
    asked = len(before.requests)
    before.reset()
    shares = orbscan.shares(ROOT_URL, 8, table=table, store_options=store, **options)
    together = pa.concat_tables([pa.table(share.read()) for share in shares])
    assert rows(together) == rows(alone)
    assert len(before.requests) <= 1.2 * asked, (len(before.requests), asked)


def test_what_is_known_of_an_earlier_scan_is_not_asked_again(
    fleet: tuple[proxy.Proxy, dict[str, str]],
) -> None:
    before, store = fleet
    since = pa.table(orbscan.checkpoint_table(ROOT_URL, store_options=store))
    given: dict[str, Any] = {"table": "checkpoints", "store_options": store, "since": since}
    before.reset()
    shares = orbscan.shares(ROOT_URL, 8, **given)
    found = pa.concat_tables([pa.table(share.read()) for share in shares])
    assert {*found["state"].to_pylist()} == {"unchanged"}
    assert found.num_rows == RUNS * STEPS
    assert len(before.requests) <= 1.2 * RUNS * STEPS


def test_a_worker_without_credentials_gives_rows(
    fleet: tuple[proxy.Proxy, dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before, store = fleet
    # Whoever divides has a login in the environment, so that none travels.
    for name in ("access_key_id", "secret_access_key"):
        monkeypatch.setenv(f"AWS_{name.upper()}", store[name])
    where = {name: store[name] for name in ("endpoint", "allow_http", "region")}
    pickled = tmp_path / "share"
    worker = (
        "import json, pickle, sys, pyarrow as pa\n"
        "share = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(json.dumps(pa.table(share.read()).to_pylist(), default=str))\n"
    )
    share = orbscan.shares(ROOT_URL, 4, table="checkpoints", store_options=where)[0]
    pickled.write_bytes(pickle.dumps(share))
    assert SECRET.encode() not in pickled.read_bytes()
    without = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    # Nor does this machine have one.
    without |= {"AWS_EC2_METADATA_DISABLED": "true", "ORBSCAN_MAX_RETRIES": "0"}
    before.reset()
    before.spoil = lambda *_: 403
    try:
        told = json.loads(output([sys.executable, "-c", worker, pickled], cwd=ROOT, env=without))
    finally:
        before.spoil = lambda *_: None
    assert told
    for row in told:
        assert (row["state"], row["error_kind"]) == ("failed", "store"), row
        assert row["path"].startswith(ROOT_URL)
