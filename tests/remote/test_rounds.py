"""However much lies in a bucket, rounds and requests are those that docs/buckets.md states."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.remote import many
from tests.remote.memory import BUCKET
from tests.remote.stores import many_steps, of_disk, served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orbscan.types import ScanOptions

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
COMPOSITE = "o0.12.8-composite/ckpt"
CHECKS: dict[str, Callable[[Any], Any]] = {"verify": orbscan.verify, "du": orbscan.du}


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


def test_the_names_of_a_thousand_steps_are_one_request(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(many_steps(disk, 1_000), monkeypatch) as before:
        before.reset(1)
        found = orbscan.steps(f"{BASE}/run", details=False)
        assert len(before.requests) == 1
    assert [step.step for step in found] == [*range(1_000)]
    assert all(step.committed for step in found)


@pytest.mark.parametrize(("seats", "rounds"), [(256, (1, 90)), (64, (1, 30, 60))])
def test_steps_are_guessed_as_long_as_all_requests_are_under_way_at_once(
    disk: Path, monkeypatch: pytest.MonkeyPatch, seats: int, rounds: tuple[int, ...]
) -> None:
    monkeypatch.setenv("ORBSCAN_MAX_CONCURRENCY", str(seats))
    with served(many_steps(disk, 30), monkeypatch) as before:
        before.reset(*rounds)
        found = orbscan.steps(f"{BASE}/run")
        assert len(before.requests) == sum(rounds), len(before.requests)
    assert all(step.metrics and step.error is None for step in found)
    assert len(found) == 30


def test_what_lies_beside_steps_is_listed_with_them(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = many_steps(disk, 2)
    for number in range(20):
        held.add(disk / V1, f"run/best-{number}")
    with served(held, monkeypatch) as before:
        before.reset(1, 2 * 3 + 20)
        found = orbscan.steps(f"{BASE}/run")
        assert len(before.requests) == 1 + 2 * 3 + 20, len(before.requests)
    assert len(found.others) == 20


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


def test_all_chunks_of_a_check_are_under_way_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More bytes than are decoded at once; parts of 4 MiB of each chunk.
    count, chunk, part = 5, 2 << 20, 4 << 20
    many.write(tmp_path / "run", count, merged=True, chunk=chunk)
    held = of_disk(tmp_path, "run")
    # A part is given only when all of them have been asked for.
    all_asked = threading.Barrier(count * 4 * chunk // part, timeout=300)

    def hold(_: str, span: str) -> None:
        first, _, last = span.removeprefix("bytes=").partition("-")
        if span and int(last) + 1 - int(first) == part:
            all_asked.wait()

    held.before = hold
    with served(held, monkeypatch):
        report = orbscan.verify(f"{BASE}/run", level="data")
    assert report.ok, str(report)
    assert report.extent.chunks == count


@pytest.mark.parametrize("check", CHECKS)
def test_what_lies_behind_the_first_page_is_not_listed_one_by_one(
    processes: Path, monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    held = of_disk(processes, "3-merged")
    one = "3-merged/state/ocdbt.process_2/"
    database = {key: body for key, body in held.objects.items() if key.startswith(one)}
    for number in range(3, 600):
        for key, body in database.items():
            held.objects[key.replace(one, f"3-merged/state/ocdbt.process_{number}/")] = body
    pages = len(held.objects) // 1_000 + 1
    with served(held, monkeypatch) as before:
        CHECKS[check](f"{BASE}/3-merged")
        listings = [request for request in before.requests if "list-type" in request.path]
    # All pages; the children of the checkpoint and the files of its database, as for any read.
    assert len(listings) == pages + 2, listings


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

    def change(key: str, _: str) -> None:
        if key.endswith("state/_METADATA") and left:
            left.pop()
            held.objects[key] += b" "

    with served(held, monkeypatch) as before:
        held.before = change
        if times == 1:
            assert orbscan.metadata(f"{BASE}/{V1}").metadata
        else:
            with pytest.raises(orbscan.StoreError, match="it changed while it was read") as raised:
                orbscan.metadata(f"{BASE}/{V1}")
            assert raised.value.fault == "changed"
        listings = [request for request in before.requests if "list-type" in request.path]
        assert len(listings) == 2
