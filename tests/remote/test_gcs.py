"""A bucket is read as a disk is, in the rounds that docs/buckets.md states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.remote.conftest import BUCKET
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.proxy import Proxy

_ARCHIVES = (corpus.GOLDEN / "corpus").glob("*.tar.gz")
CASES = sorted(path.name.removesuffix(".tar.gz") for path in _ARCHIVES)
V1 = "o0.12.8-v1-sharded/chunked"


def answer(path: Any, root: str) -> object:
    """What a read gives, or raises, as text; the place is cut from it."""
    try:
        read = orbscan.metadata(path, atomicity="atomic_rename")
    except orbscan.OrbscanError as error:
        return type(error), str(error).replace(root, "")
    told = [(issue.kind, str(issue).replace(root, "")) for issue in read.issues]
    return (
        repr(read.metadata),
        read.init_timestamp_nsecs,
        read.commit_timestamp_nsecs,
        read.custom_metadata,
        told,
    )


def is_in_a_bucket(place: Path) -> bool:
    """Whether a bucket can hold what lies there: no empty directory, no odd name."""
    below = [*place.rglob("*")]
    is_empty = any(path.is_dir() and not any(path.iterdir()) for path in [place, *below])
    return place.is_dir() and not is_empty and all(path.name.isprintable() for path in below)


@pytest.mark.parametrize("case", CASES)
def test_every_golden_checkpoint_is_read_as_from_a_disk(disk: Path, gcs: Proxy, case: str) -> None:
    del gcs
    for place in filter(is_in_a_bucket, (disk / case).iterdir()):
        url = f"gs://{BUCKET}/{case}/{place.name}"
        assert answer(url, f"gs://{BUCKET}") == answer(place, str(disk)), url


def test_a_v1_checkpoint_takes_two_rounds_and_six_requests(gcs: Proxy) -> None:
    gcs.reset(1, 5)
    read = orbscan.metadata(f"gs://{BUCKET}/{V1}")
    assert str(read.path) == f"gs://{BUCKET}/{V1}"
    assert len(gcs.requests) == 6, gcs.requests
    assert {request.status for request in gcs.requests} == {200}
