"""A bucket is read as a disk is, in the rounds that docs/buckets.md states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer, is_in_a_bucket
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.remote.conftest import GcsData
    from tests.remote.proxy import Proxy

_ARCHIVES = (corpus.GOLDEN / "corpus").glob("*.tar.gz")
CASES = sorted(path.name.removesuffix(".tar.gz") for path in _ARCHIVES)
V1 = "o0.12.8-v1-sharded/chunked"


@pytest.mark.parametrize("case", CASES)
def test_every_golden_checkpoint_is_read_as_from_a_disk(
    disk: Path, gcs_data: GcsData, gcs: Proxy, case: str
) -> None:
    del gcs
    base = f"gs://{gcs_data.held[case]}"
    for place in filter(is_in_a_bucket, (disk / case).iterdir()):
        url = f"{base}/{case}/{place.name}"
        assert answer(url, base) == answer(place, str(disk)), url


def test_a_v1_checkpoint_takes_two_rounds_and_six_requests(warm: Proxy) -> None:
    warm.reset(1, 5)
    read = orbscan.metadata(f"gs://{BUCKET}/{V1}")
    assert str(read.path) == f"gs://{BUCKET}/{V1}"
    assert len(warm.requests) == 6, warm.requests
    assert {request.status for request in warm.requests} == {200}
