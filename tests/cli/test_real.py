"""The commands over checkpoints that Orbax wrote, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import sys
from orbscan.__main__ import main
status = main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(status)
"""
_HEAVY = {"jax", "ml_dtypes", "msgspec", "numpy", "rich", "shtab", "tensorstore", "treescope"}


CASE = "o0.12.8-v1-sharded"
MESH = "x=4,y=2,r=1"


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{CASE}.tar.gz", tmp_path)
    return str(tmp_path / CASE / "chunked")


def run(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it has loaded."""
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    ended = subprocess.run(command, capture_output=True, check=True)  # noqa: S603
    return ended.stdout.decode(), set(ended.stderr.decode().split())


@pytest.mark.parametrize("options", [[], ["--param", "**", "--depth", "1"], ["-o", "json"]])
def test_show_loads_no_library(checkpoint: str, options: list[str]) -> None:
    shown, loaded = run("show", checkpoint, *options)
    assert "NamedSharding" in shown or "total" in shown
    assert not loaded & _HEAVY
    assert not loaded & {"dataclasses", "inspect", "pathlib", "subprocess", "typing"}


@pytest.mark.parametrize("command", [["ls"], ["scan", "--table", "checkpoints"], ["scan"]])
def test_a_search_loads_no_library(checkpoint: str, command: list[str]) -> None:
    shown, loaded = run(*command, checkpoint)
    assert "v1" in shown or "keypath" in shown
    assert not loaded & _HEAVY
    assert not loaded & {"dataclasses", "inspect", "pathlib", "subprocess", "typing"}


def test_plan_loads_no_library_and_says_what_restore_plan_says(checkpoint: str) -> None:
    text, loaded = run("plan", checkpoint, "--mesh", MESH)
    assert text == f"{orbscan.restore_plan(orbscan.metadata(checkpoint), MESH)}\n"
    assert not loaded & _HEAVY


def test_the_document_of_a_plan_adds_up(checkpoint: str) -> None:
    text, _ = run("plan", checkpoint, "--mesh", MESH, "--devices-per-host", "2", "-o", "json")
    plan = json.loads(text)
    placed = [leaf for leaf in plan["leaves"] if leaf["on"] == "device"]
    assert placed
    assert all(device["held"] == sum(leaf["held"] for leaf in placed) for device in plan["devices"])
    assert sum(device["read"] for device in plan["devices"]) == sum(leaf["read"] for leaf in placed)
    assert sum(host["held"] for host in plan["hosts"]) == plan["totals"]["held"]
