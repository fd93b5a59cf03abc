"""A repository of the hub is read as a disk is; its token goes nowhere else."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.remote import hub, proxy, servers
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.remote.proxy import Proxy

BASE = "hf://org/name"
TOKEN = "5ecret5ecret"  # noqa: S105 - of nobody
CASES = [
    "o0.12.8-v1-sharded/chunked",
    "o0.12.8-manager/run/10",
    "o0.12.8-flat/ckpt",
    "o0.12.8-no-ocdbt/ckpt",
]


@pytest.fixture(scope="session")
def hub_server(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    root = tmp_path_factory.mktemp("hub")
    for kind in ("models", "datasets", "spaces"):
        (root / kind / "org").mkdir(parents=True)
        (root / kind / "org" / "name").symlink_to(disk)
    with ExitStack() as stack:
        # Pages so small that every listing has several.
        before, stop = proxy.start(stack.enter_context(servers.hub(root, TOKEN, 5)))
        stack.callback(stop)
        yield before


@pytest.fixture(autouse=True)
def served(hub_server: Proxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Proxy:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub_server.port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    hub_server.spoil = lambda *_: None
    hub_server.reset()
    return hub_server


@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_of_the_hub_is_read_as_from_a_disk(disk: Path, case: str) -> None:
    assert answer(f"{BASE}/{case}", BASE) == answer(disk / case, str(disk))


@pytest.mark.parametrize("kind", ["", "datasets/", "spaces/"])
@pytest.mark.parametrize("revision", ["", "@v1", "@refs%2Fpr%2F1"])
def test_repositories_of_every_kind_are_read_at_any_revision(
    disk: Path, kind: str, revision: str
) -> None:
    base = f"hf://{kind}org/name{revision}"
    assert answer(f"{base}/{CASES[0]}", base) == answer(disk / CASES[0], str(disk))


REFUSALS = {
    "hf://org/nobody/run": ("bucket", "the repository does not exist, or it is private"),
    "hf://org/gated/run": ("forbidden", "the repository is gated or private: ask for access"),
}


@pytest.mark.parametrize("url", REFUSALS)
def test_a_repository_that_is_not_shown_is_not_called_an_empty_one(url: str) -> None:
    fault, advice = REFUSALS[url]
    with pytest.raises(orbscan.StoreError, match=advice) as raised:
        orbscan.metadata(url)
    assert raised.value.fault == fault
    assert main(["show", url]) == 4


def test_a_revision_that_does_not_exist_is_called_so() -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError, match='has no revision "v9"'):
        orbscan.metadata(f"{BASE}@v9/{CASES[0]}")


@pytest.mark.parametrize("status", [429, 503])
def test_a_hub_that_is_busy_is_asked_again(disk: Path, served: Proxy, status: int) -> None:
    served.spoil = lambda number, *_: status if number % 3 == 0 else None
    assert answer(f"{BASE}/{CASES[0]}", BASE) == answer(disk / CASES[0], str(disk))
    assert status in {request.status for request in served.requests}


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize(
    ("status", "fault", "advice"),
    [
        (429, "throttled", "lower the store option max_concurrency"),
        (500, "server", "the store failed; try again"),
    ],
)
def test_a_hub_that_goes_on_refusing_is_told_from_a_missing_checkpoint(
    served: Proxy, status: int, fault: str, advice: str
) -> None:
    served.spoil = lambda *_: status
    with pytest.raises(orbscan.StoreError, match=advice) as raised:
        orbscan.metadata(f"{BASE}/{CASES[0]}")
    assert raised.value.fault == fault
    [entry] = orbscan.scan(f"{BASE}/o0.12.8-manager")
    assert isinstance(entry.error, orbscan.StoreError)
    assert entry.error.fault == fault


@pytest.mark.usefixtures("once")
def test_a_hub_that_nobody_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{servers.free_port()}")
    with pytest.raises(orbscan.StoreError, match="nothing answers at the address") as raised:
        orbscan.metadata(f"{BASE}/{CASES[0]}")
    assert raised.value.fault == "network"


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
