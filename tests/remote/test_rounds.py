"""However much lies in a bucket, rounds and requests are those that docs/buckets.md states."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import orbscan
from tests.remote import buckets, memory, proxy
from tests.remote.memory import BUCKET, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from orbscan.types import ScanOptions
    from tests.remote.proxy import Proxy

BASE = f"s3://{BUCKET}"
RUN = "o0.12.8-manager/run"
V1 = "o0.12.8-v1-sharded/chunked"


@contextmanager
def served(held: Memory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Serve a bucket behind a counting proxy."""
    with ExitStack() as stack:
        before, stop = proxy.start(stack.enter_context(memory.serve(held)))
        stack.callback(stop)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{before.port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", buckets.SECRET)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        yield before


def of_disk(disk: Path, *cases: str) -> Memory:
    held = Memory()
    for case in cases:
        held.add(disk / case, case)
    return held


def test_what_a_scan_does_not_want_is_not_asked_for(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(of_disk(disk, V1), monkeypatch) as before:
        asked_for: list[tuple[ScanOptions, tuple[int, ...]]] = [
            ({}, (1, 1, 5)),
            ({"shardings": False}, (1, 1, 4)),
            ({"leaves": False}, (1, 1, 1)),
        ]
        for options, rounds in asked_for:
            before.reset(*rounds)
            [entry] = orbscan.scan(f"{BASE}/{V1}", **options)
            assert entry.complete
            assert len(before.requests) == sum(rounds), before.requests
            asked = any("_sharding" in request.path for request in before.requests)
            assert asked == (options == {})


def test_several_pytrees_of_v0_come_in_one_round(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = "o0.12.8-composite/ckpt"
    with served(of_disk(disk, case), monkeypatch) as before:
        before.reset(1, 10)
        assert len(orbscan.checkpointables_metadata(f"{BASE}/{case}").metadata) > 1
        assert len(before.requests) == 11
