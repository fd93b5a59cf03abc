"""A read without connections asks for likely files beside the listing, and relies on none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer
from tests.remote.proxy import CUT, HOLD, Spoiled
from tests.remote.stores import GUESSED, many_steps, of_disk, served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.remote.proxy import Proxy

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
FLAT = "o0.12.8-flat/ckpt"
# The requests of both rounds: the listing and what is guessed; what was not, or was not there.
COLD = {
    V1: (5, 1),
    "o0.12.8-manager/run/10": (5, 1),
    "o0.12.8-composite/ckpt": (5, 5),
    FLAT: (5, 5),
    "o0.12.8-no-ocdbt/ckpt": (5, 8),
    "nothing": (5, 1),
}
WARM = {V1: (1, 5), FLAT: (1, 6)}


def asked(before: Proxy) -> list[str]:
    """The files that were asked for."""
    before.settle()
    files = (request.path for request in before.requests if "list-type" not in request.path)
    return sorted(path.removeprefix(f"/{BUCKET}/") for path in files)


@pytest.mark.parametrize("case", COLD)
def test_a_cold_read_takes_two_rounds_and_asks_for_nothing_twice(
    disk: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    with served(of_disk(disk, case), monkeypatch, cold=True) as before:
        before.reset(*COLD[case])
        assert answer(f"{BASE}/{case}", BASE) == answer(disk / case, str(disk))
        files = asked(before)
    assert len(before.requests) == sum(COLD[case]), before.requests
    assert {f"{case}/{name}" for name in GUESSED} <= set(files)
    assert len({*files}) == len(files), files


@pytest.mark.parametrize("case", WARM)
def test_what_follows_guesses_nothing(
    disk: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    with served(of_disk(disk, case), monkeypatch, cold=True) as before:
        # Whatever comes first: also a path where nothing lies.
        assert answer(f"{BASE}/nothing", BASE) == answer(disk / "nothing", str(disk))
        before.settle()
        before.reset(*WARM[case])
        assert orbscan.metadata(f"{BASE}/{case}").metadata
        assert len(before.requests) == sum(WARM[case]), before.requests


@pytest.mark.parametrize("wrong", [401, 403, 404, 429, 500, 503, HOLD, CUT])
@pytest.mark.parametrize("case", WARM)
def test_a_guess_that_fails_is_no_error_and_is_not_made_again(
    disk: Path, monkeypatch: pytest.MonkeyPatch, case: str, wrong: int
) -> None:
    left = {f"/{BUCKET}/{case}/{name}" for name in GUESSED}

    def spoil(_number: int, _method: str, path: str) -> Spoiled:
        # What is listed is asked for once more, and is there.
        if path not in left:
            return None
        left.remove(path)
        listed = (disk / path.removeprefix(f"/{BUCKET}/")).exists()
        # Nobody waits for what is not listed; what is would be waited for, as in any read.
        return None if wrong == HOLD and listed else wrong

    with served(of_disk(disk, case), monkeypatch, cold=True) as before:
        before.spoil = spoil
        assert answer(f"{BASE}/{case}", BASE) == answer(disk / case, str(disk))
        assert not left
        files = [request.path for request in before.requests]
    absent = [name for name in GUESSED if not (disk / case / name).exists()]
    for name in absent:
        assert files.count(f"/{BUCKET}/{case}/{name}") <= 1


def test_a_file_that_is_not_listed_is_not_used(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = of_disk(disk, V1)
    shown = [key for key in sorted(held.objects) if not key.endswith("/_sharding")]
    assert len(shown) == len(held.objects) - 1
    monkeypatch.setattr(held, "keys", lambda: shown)
    with served(held, monkeypatch, cold=True) as before:
        cold = answer(f"{BASE}/{V1}", BASE)
        assert f"{V1}/state/_sharding" in asked(before)
        assert cold == answer(f"{BASE}/{V1}", BASE)


class Replaced(dict[str, bytes]):
    """Objects of which one was another until somebody asked for it."""

    def __init__(self, objects: Mapping[str, bytes], key: str, before: bytes) -> None:
        """The object `key` was `before`."""
        super().__init__(objects)
        self._left = {key: before}

    def get(self, key: str, default: Any = None) -> Any:
        return self._left.pop(key, super().get(key, default))


@pytest.mark.parametrize("before", [b"x", b"{}", b""])
def test_a_file_that_was_another_than_is_listed_is_fetched_again(
    disk: Path, monkeypatch: pytest.MonkeyPatch, before: bytes
) -> None:
    held = of_disk(disk, V1)
    key = f"{V1}/state/_METADATA"
    # Also of the same size.
    content = before * len(held.objects[key])
    held.objects = Replaced(held.objects, key, content)
    with served(held, monkeypatch, cold=True) as proxy:
        assert answer(f"{BASE}/{V1}", BASE) == answer(disk / V1, str(disk))
        assert asked(proxy).count(key) == 2


# What opens its connections otherwise, needs one only, or has no room for more.
OTHERS: dict[str, tuple[dict[str, str], int, Callable[[], object]]] = {
    "whether it is one": ({}, 1, lambda: orbscan.is_orbax_checkpoint(f"{BASE}/run/1")),
    "names of steps": ({}, 1, lambda: orbscan.steps(f"{BASE}/run", details=False)),
    "four requests at once": (
        {"ORBSCAN_MAX_CONCURRENCY": "4"},
        6,
        lambda: orbscan.metadata(f"{BASE}/run/1"),
    ),
    "one connection for all": (
        {},
        6,
        lambda: orbscan.metadata(f"{BASE}/run/1", store_options={"http1_only": "false"}),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_guesses_do_not_help_makes_none(
    disk: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    environment, requests, ask = OTHERS[name]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with served(many_steps(disk, 3), monkeypatch, cold=True) as before:
        assert ask()
        assert len(before.requests) == requests, before.requests


def test_a_scan_guesses_nothing(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for cold in (True, False):
        with served(many_steps(disk, 20), monkeypatch, cold=cold) as before:
            found = list(orbscan.scan(f"{BASE}/run"))
            assert len([entry for entry in found if entry.complete]) == 20
            counts.append(len(before.requests))
    assert counts[0] == counts[1]


def test_the_step_after_a_listing_of_steps_is_read_cold(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(many_steps(disk, 3), monkeypatch, cold=True) as before:
        assert orbscan.latest(f"{BASE}/run").step == 2
        before.reset()
        assert orbscan.metadata(f"{BASE}/run", step="latest").metadata
        assert f"run/2/{GUESSED[1]}" in asked(before)
