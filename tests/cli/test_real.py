"""The commands over checkpoints that Orbax wrote, in a process of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import orbscan
from orbscan import cli
from tests.support import corpus, processes

# What the interpreter itself loads, such as the hooks of an installation, is not the command's.
_PROGRAM = """
import sys
before = set(sys.modules)
from orbscan.__main__ import main
status = main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), file=sys.stderr)
sys.exit(status)
"""
_SLOW = {"dataclasses", "inspect", "pathlib", "subprocess", "typing"}

CASE = "o0.12.8-v1-sharded"
MESH = "x=4,y=2,r=1"
COMMANDS = [
    ["help"],
    ["help", "exit-codes"],
    ["show", "{path}"],
    ["show", "{path}", "--param", "**", "--depth", "1"],
    ["show", "{path}", "-o", "json"],
    ["show", "{root}", "--step", "latest"],
    ["plan", "{path}", "--mesh", MESH, "--memory", "1MiB"],
    ["plan", "{path}", "--mesh", MESH, "-o", "json"],
    ["ls", "{root}"],
    ["ls", "{root}", "-o", "json"],
    ["scan", "{root}"],
    ["scan", "{root}", "--table", "checkpoints", "-o", "{root}/table.jsonl"],
    ["steps", "{root}"],
    ["latest", "{root}"],
    ["best", "{root}", "loss:min"],
    ["steps", "{root}", "-o", "json"],
    ["diff", "{path}", "{path}"],
    ["diff", "{path}", "{path}", "-o", "json"],
    ["verify", "{path}", "--level", "data"],
    ["verify", "{root}", "-o", "json"],
    ["dump", "{path}/state/manifest.ocdbt"],
    ["dump", "{path}/state/_METADATA", "-o", "json"],
    ["du", "{path}", "--depth", "1"],
    ["du", "{root}", "--step", "7", "-o", "json"],
    ["demo", "{root}/demo"],
]


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{CASE}.tar.gz", tmp_path)
    return str(tmp_path / CASE / "chunked")


def run(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it has loaded."""
    ended = processes.run([sys.executable, "-c", _PROGRAM, *arguments])
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("wrote ")]
    return ended.stdout, {name for line in lines for name in line.split()}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_loads_no_library(checkpoint: str, tmp_path: Path, command: list[str]) -> None:
    root = tmp_path / "root"
    root.mkdir()
    metrics = Path(checkpoint, "metrics")
    metrics.mkdir()
    (metrics / "metrics").write_text('{"loss": 0.5}')
    (root / "7").symlink_to(checkpoint)
    _, loaded = run(*(text.format(path=checkpoint, root=root) for text in command))
    assert f"orbscan.cli.{cli.COMMANDS[command[0]]}" in loaded
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - {*sys.stdlib_module_names} == {"orbscan"}
    if command[0] in {"show", "ls", "scan"}:
        assert not loaded & _SLOW


def test_every_command_is_tried() -> None:
    # Libraries make reports and read catalogues: see test_report.py and test_catalogues.py.
    assert {command[0] for command in COMMANDS} == {*cli.COMMANDS} - {"report", "catalogue"}


def test_plan_says_what_restore_plan_says(checkpoint: str) -> None:
    text, _ = run("plan", checkpoint, "--mesh", MESH)
    assert text == f"{orbscan.restore_plan(orbscan.metadata(checkpoint), MESH)}\n"


def test_the_document_of_a_plan_adds_up(checkpoint: str) -> None:
    text, _ = run("plan", checkpoint, "--mesh", MESH, "--devices-per-host", "2", "-o", "json")
    plan = json.loads(text)
    placed = [leaf for leaf in plan["leaves"] if leaf["on"] == "device"]
    assert placed
    assert all(device["held"] == sum(leaf["held"] for leaf in placed) for device in plan["devices"])
    assert sum(device["read"] for device in plan["devices"]) == sum(leaf["read"] for leaf in placed)
    assert sum(host["held"] for host in plan["hosts"]) == plan["totals"]["held"]
