"""A repository of the hub is read as a disk is; its token goes nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.remote import hub, servers
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = "hf://org/name"
TOKEN = "5ecret5ecret"  # noqa: S105 - of nobody
CASES = [
    "o0.12.8-v1-sharded/chunked",
    "o0.12.8-manager/run/10",
    "o0.12.8-flat/ckpt",
    "o0.12.8-no-ocdbt/ckpt",
]


@pytest.fixture(scope="session")
def hub_port(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    root = tmp_path_factory.mktemp("hub")
    (root / "org").mkdir()
    (root / "org" / "name").symlink_to(disk)
    # Pages so small that every listing has several.
    with servers.hub(root, TOKEN, 5) as port:
        yield port


@pytest.fixture(autouse=True)
def _hub(hub_port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub_port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_of_the_hub_is_read_as_from_a_disk(disk: Path, case: str) -> None:
    assert answer(f"{BASE}/{case}", BASE) == answer(disk / case, str(disk))


def test_a_revision_is_named() -> None:
    assert orbscan.metadata(f"{BASE}@v1/{CASES[0]}").metadata


def test_steps_are_found_and_verified() -> None:
    assert [step.step for step in orbscan.steps(f"{BASE}/o0.12.8-manager/run")] == [0, 10]
    assert orbscan.verify(f"{BASE}/{CASES[0]}", level="data").ok


def test_a_token_is_read_from_the_file_of_the_login(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    assert orbscan.metadata(f"{BASE}/{CASES[0]}").metadata


def test_a_wrong_token_is_refused_and_not_shown() -> None:
    with pytest.raises(orbscan.StoreError, match="set HF_TOKEN") as raised:
        orbscan.metadata(f"{BASE}/{CASES[0]}", store_options={"token": f"x{TOKEN}"})
    assert raised.value.fault == "credentials"
    assert TOKEN not in repr(raised.value)
    assert hub.SIGNATURE not in repr(raised.value)


def test_a_path_where_nothing_lies_is_not_found() -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError):
        orbscan.metadata(f"{BASE}/nothing")
