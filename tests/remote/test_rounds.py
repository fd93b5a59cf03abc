"""However much lies in a bucket, rounds and requests are those that docs/buckets.md states."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.remote import buckets, many, memory, proxy
from tests.remote.memory import BUCKET, Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orbscan.types import ScanOptions
    from tests.remote.proxy import Proxy

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
COMPOSITE = "o0.12.8-composite/ckpt"
CHECKS: dict[str, Callable[[Any], Any]] = {"verify": orbscan.verify, "du": orbscan.du}


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
    with served(of_disk(disk, COMPOSITE), monkeypatch) as before:
        before.reset(1, 10)
        assert len(orbscan.checkpointables_metadata(f"{BASE}/{COMPOSITE}").metadata) > 1
        assert len(before.requests) == 11


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints that 3 and 64 processes have written, whose databases are merged and are not."""
    root = tmp_path_factory.mktemp("processes")
    for count in (3, 64):
        many.write(root / f"{count}-merged", count, merged=True)
        many.write(root / f"{count}-apart", count, merged=False)
    return root


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("count", [3, 64])
@pytest.mark.parametrize("how", ["merged", "apart"])
def test_a_check_takes_two_rounds_however_many_processes_wrote(
    processes: Path, monkeypatch: pytest.MonkeyPatch, check: str, count: int, how: str
) -> None:
    monkeypatch.setenv("ORBSCAN_MAX_CONCURRENCY", "1024")
    case = f"{count}-{how}"
    # The documents of checkpoint and tree; of each process its manifest, its index and what it says
    # of arrays; manifest and index of a merged database.
    files = 2 + 3 * count + (2 if how == "merged" else 0)
    with served(of_disk(processes, case), monkeypatch) as before:
        before.reset(1, files)
        found = str(CHECKS[check](f"{BASE}/{case}"))
        assert len(before.requests) == 1 + files, len(before.requests)
    assert found.replace(BASE, "") == str(CHECKS[check](processes / case)).replace(
        str(processes), ""
    )


@pytest.mark.parametrize(
    ("case", "item", "rounds"), [(V1, "state", (1, 2, 5)), (COMPOSITE, "pytree", (1, 2, 6))]
)
def test_a_listing_of_more_than_a_page_takes_a_round_more(
    disk: Path, monkeypatch: pytest.MonkeyPatch, case: str, item: str, rounds: tuple[int, ...]
) -> None:
    held = of_disk(disk, case)
    # They come before the database of the pytree, and before the marker of the checkpoint.
    for process in range(1, 2_048):
        held.objects[f"{case}/{item}/array_metadatas/process_{process}"] = b"{}"
    with served(held, monkeypatch) as before:
        before.reset(*rounds)
        read = orbscan.metadata(f"{BASE}/{case}")
        assert len(before.requests) == sum(rounds), before.requests
    assert str(read).replace(BASE, "") == str(orbscan.metadata(disk / case)).replace(str(disk), "")


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_is_another_than_was_listed_is_read_once_more(
    disk: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    held = of_disk(disk, V1)
    left = [None] * times

    def change(key: str) -> None:
        if key.endswith("state/_METADATA") and left:
            left.pop()
            held.objects[key] += b" "

    held.before = change
    with served(held, monkeypatch) as before:
        if times == 1:
            assert orbscan.metadata(f"{BASE}/{V1}").metadata
        else:
            with pytest.raises(orbscan.StoreError, match="it changed while it was read") as raised:
                orbscan.metadata(f"{BASE}/{V1}")
            assert raised.value.fault == "changed"
        listings = [request for request in before.requests if "list-type" in request.path]
        assert len(listings) == 2
