"""Commands that are not given the memory they need: an error, whatever fails first."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from orbscan.cli.exits import FINE, STORE
from tests.large import trees
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

if sys.platform != "linux":
    pytest.skip("other systems do not bound the memory of a process", allow_module_level=True)

# From little more than the interpreter itself takes to what some commands can do with.
MEBIBYTES = [60, 88, 91, 94, 110, 160]

COMMANDS = {
    "show": ["show", "{}"],
    "diff": ["diff", "{}", "{}"],
    "verify": ["verify", "{}", "--level", "data"],
    "du": ["du", "{}"],
    "ls": ["ls", "{}", "--threads", "1"],
    "scan": ["scan", "{}", "--threads", "1"],
    "dump": ["dump", "{}/state/_METADATA"],
    "plan": ["plan", "{}", "--mesh", "x=2"],
}


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.write(tmp_path_factory.mktemp("large") / "tree", 100_000)


@pytest.mark.parametrize("command", COMMANDS)
def test_too_little_memory_is_an_error_of_its_own(large: Path, command: str) -> None:
    words = [word.format(large) for word in COMMANDS[command]]
    statuses = set()
    # A dump takes the longest of all, and the least memory.
    for most in MEBIBYTES[:: 2 if command == "dump" else 1]:
        bounded = ["sh", "-c", 'ulimit -v "$0" && exec "$@"', most << 10]
        ended = processes.run(
            [*bounded, sys.executable, "-m", "orbscan", *words],
            env={**os.environ, "RUST_BACKTRACE": "0"},
            stdout=subprocess.DEVNULL,
        )
        statuses.add(ended.returncode)
        assert ended.returncode in {FINE, STORE}, (most, ended.stderr[-2_000:])
        assert "panicked" not in ended.stderr, most
        if ended.returncode == STORE:
            last = ended.stderr.splitlines()[-1]
            assert "memory" in last, most
    # A dump, which is written as it comes, can do with the least.
    assert STORE in statuses or command == "dump"


def test_one_of_several_that_there_is_no_memory_for_is_not_called_broken(large: Path) -> None:
    bounded = ["sh", "-c", 'ulimit -v "$0" && exec "$@"', 84 << 10]
    ended = processes.run([*bounded, sys.executable, "-m", "orbscan", "du", large, large])
    assert ended.returncode == STORE
    assert f"{large}: not enough memory for" in ended.stderr
    assert "unreadable" in ended.stdout
    assert "broken" not in ended.stdout


def test_a_read_raises_what_is_a_memory_error_and_names_the_file(large: Path) -> None:
    program = """
        import resource, sys
        import orbscan
        from orbscan import errors
        from orbscan.reading import api

        try:
            orbscan.metadata(sys.argv[1] + "/nothing")
        except orbscan.OrbscanError:
            pass
        # What the process has, and little more than the file has.
        pages = int(open("/proc/self/statm").read().split()[0])
        most = pages * resource.getpagesize() + int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        try:
            api.read_pytree(sys.argv[1], "AUTO", rich_types=False)
        except MemoryError as error:
            print(error.kind, error)
    """
    said = processes.python(program, large, 16 << 20)
    assert said.startswith("memory ")
    assert "not enough memory for" in said
    assert str(large) in said
