"""A container of Azure is read as a disk is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.remote import servers
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.remote.conftest import GcsData

BASE = f"az://{BUCKET}"
RUN = f"{BASE}/o0.12.8-manager/run"
CASES = [
    "o0.12.8-v1-sharded/chunked",
    "o0.12.8-manager/run/10",
    "o0.12.8-flat/ckpt",
    "o0.12.8-no-ocdbt/ckpt",
]


@pytest.fixture(scope="session")
def azure_port(gcs_data: GcsData) -> Iterator[int]:
    # Pages so small that every listing has several, of few files: each page looks at all of them.
    with servers.azure(gcs_data.root, 7) as port:
        yield port


@pytest.fixture(autouse=True)
def _azure(azure_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", f"http://127.0.0.1:{azure_port}")


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_of_azure_is_read_as_from_a_disk(disk: Path, case: str) -> None:
    assert answer(f"{BASE}/{case}", BASE) == answer(disk / case, str(disk))


def test_steps_are_found_over_several_pages() -> None:
    assert [step.step for step in orbscan.steps(RUN)] == [0, 10]
    assert orbscan.verify(f"{RUN}/10", level="data").ok


def test_a_container_that_does_not_exist_is_called_so() -> None:
    with pytest.raises(orbscan.StoreError, match="bucket does not exist") as raised:
        orbscan.metadata("az://nowhere/run")
    assert raised.value.fault == "bucket"


def test_a_path_where_nothing_lies_is_not_found() -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError, match="does not exist"):
        orbscan.metadata(f"{BASE}/nothing")
