"""A scan of a store that fails on the way ends, and its entries say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.remote.memory import BUCKET
from tests.remote.proxy import CUT
from tests.remote.stores import many_steps, served

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.proxy import Spoiled

STEPS = 200
ROOT = f"s3://{BUCKET}/run"
# As many requests as some of the checkpoints need.
GOOD = 90
EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>5ecret5ecret</Message></Error>"


def scanned() -> tuple[int, list[orbscan.StoreError]]:
    """How many checkpoints were read, and why others were not."""
    read, errors = 0, list[orbscan.StoreError]()
    for entry in orbscan.scan(ROOT):
        if entry.error is None:
            read += 1
        else:
            assert isinstance(entry.error, orbscan.StoreError), entry.error
            errors.append(entry.error)
    return read, errors


# What every request from some moment on meets, its fault, what is said, and how many of it in a row
# end the scan.
ENDS: dict[str, tuple[Spoiled, str, str, int]] = {
    "throttling": (503, "throttled", "lower the store option max_concurrency", 64),
    "a store that fails": (500, "server", "the store failed; try again", 64),
    "expired": ((400, EXPIRED), "credentials", "the credentials have expired: ", 5),
    "not valid any more": (401, "credentials", "no valid credentials: ", 5),
    "network off": (CUT, "network", "look at the network", 5),
}


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("end", ENDS)
def test_what_ends_a_store_ends_the_scan_and_is_told(
    disk: Path, monkeypatch: pytest.MonkeyPatch, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled, fault, said, in_a_row = ENDS[end]
    with served(many_steps(disk, STEPS), monkeypatch) as before:
        before.spoil = lambda number, *_: spoiled if number >= GOOD else None
        read, errors = scanned()
        before.reset()
        assert main(["scan", ROOT, "-o", "json"]) == 5
    assert 0 < read < GOOD
    # Those under way, then the root: nobody is asked about the others.
    assert in_a_row < len(errors) <= in_a_row + 64 + 1, len(errors)
    assert {error.fault for error in errors} == {fault}
    assert all(said in str(error) for error in errors), errors[0]
    last = errors[-1]
    assert last.file == ROOT
    assert f"given up, as the store refused {in_a_row} times in a row" in str(last)
    assert "5ecret" not in "".join(map(repr, errors))
    assert "given up" in "".join(capsys.readouterr())


def test_throttling_that_passes_leaves_nothing_out(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(many_steps(disk, STEPS), monkeypatch) as before:
        before.spoil = lambda number, *_: 503 if GOOD <= number < GOOD + 32 else None
        assert scanned() == (STEPS, [])
