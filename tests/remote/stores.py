"""Buckets in memory, filled and served."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import orbscan
from tests.remote import buckets, memory, proxy
from tests.remote.memory import BUCKET, Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.remote.proxy import Proxy


# What a read of a pool without connections asks for beside the listing.
GUESSED = [
    "_CHECKPOINT_METADATA",
    "state/_METADATA",
    "state/_sharding",
    "state/manifest.ocdbt",
]


@contextmanager
def served(held: Memory, monkeypatch: pytest.MonkeyPatch, *, cold: bool = False) -> Iterator[Proxy]:
    """Serve a bucket behind a counting proxy.

    Args:
        held: its objects.
        monkeypatch: sets the variables that lead there.
        cold: whether nothing was read from there before: budgets are those of a client that has
            connections.
    """
    with ExitStack() as stack:
        before, stop = proxy.start(stack.enter_context(memory.serve(held)))
        stack.callback(stop)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{before.port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", buckets.SECRET)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        if not cold:
            _warm(held)
            before.reset()
        yield before


def _warm(held: Memory) -> None:
    """Open as many connections as a read needs: what is guessed is there, and waited for."""
    files = {f"warm/{name}": b"{}" for name in GUESSED}
    held.objects |= files
    with suppress(orbscan.OrbscanError):
        orbscan.metadata(f"s3://{BUCKET}/warm")
    for name in files:
        del held.objects[name]


def of_disk(disk: Path, *cases: str) -> Memory:
    """Hold directories of a disk, at the same places."""
    held = Memory()
    for case in cases:
        held.add(disk / case, case)
    return held


def many_steps(disk: Path, count: int) -> Memory:
    """A root of steps that have metrics."""
    held = Memory()
    for step in range(count):
        held.add(disk / "o0.12.8-manager" / "run" / "10", f"run/{step}")
    return held
