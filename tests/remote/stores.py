"""Buckets in memory, filled and served."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.remote import buckets, memory, proxy
from tests.remote.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from tests.remote.proxy import Proxy


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
