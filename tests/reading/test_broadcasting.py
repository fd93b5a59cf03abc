"""One process of a JAX program reads for all: four real processes."""

from __future__ import annotations

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import handmade
from tests.support.processes import ROOT, run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

PROCESSES = 4

PROGRAM = """
import os, sys
sys.path[:0] = {paths!r}
process, address = int(sys.argv[1]), sys.argv[2]
import jax
jax.distributed.initialize(address, {processes}, process)
from jax._src import distributed
client = distributed.global_state.client
import orbscan
from orbscan.reading import broadcasting

def everybody(name):
    client.wait_at_barrier(name, 60_000)

def told(call):
    try:
        return call()
    except Exception as error:
        return f"{{type(error).__name__}}: {{error}}"

def read(path, *names):
    found = told(lambda: orbscan.metadata(path, *names, multihost="broadcast"))
    return found if isinstance(found, str) else repr(found.metadata)
"""


def answers(folder: Path, program: str) -> list[str]:
    """What each of four processes prints; only the first one is where the checkpoint is."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    head = PROGRAM.format(paths=[str(ROOT / "python"), str(ROOT)], processes=PROCESSES)
    (folder / "elsewhere").mkdir(exist_ok=True)

    def one(process: int) -> subprocess.CompletedProcess[str]:
        where = folder if process == 0 else folder / "elsewhere"
        return run([sys.executable, "-c", head + program, process, address], cwd=where)

    with ThreadPoolExecutor(PROCESSES) as pool:
        ended = [*pool.map(one, range(PROCESSES))]
    assert [each.returncode for each in ended] == [0] * PROCESSES, [each.stderr for each in ended]
    return [each.stdout for each in ended]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = {f"layer_{number}": handmade.Array((number + 1, 2)) for number in range(50)}
    handmade.write(tmp_path / "c", {"state": tree})
    return tmp_path


def test_one_process_reads_and_all_have_the_result(folder: Path) -> None:
    program = """
for _ in range(12):
    found = read("c")
print(found)
everybody("all have all")
for _ in range(2):
    read("c")
everybody("end")
if process == 0:
    kept = client.key_value_dir_get_bytes("orbscan/metadata/")
    print(sorted({int(key.split("/")[2]) for key, _ in kept} - {12, 13}))
"""
    first, *others = answers(folder, program)
    wanted = repr(orbscan.metadata(folder / "c").metadata) + "\n"
    assert others == [wanted] * 3
    assert first == wanted + "[]\n"


def test_a_result_of_many_pieces_arrives(folder: Path) -> None:
    program = """
broadcasting._PIECE = 100
print(read("c"))
everybody("end")
"""
    assert answers(folder, program) == [repr(orbscan.metadata(folder / "c").metadata) + "\n"] * 4


def test_what_the_reading_process_raises_all_raise(folder: Path) -> None:
    program = """
print(read("nothing"))
print(read("c", "params"))
print(read("c", ""))
print(read("c"))
everybody("end")
"""
    first, *others = answers(folder, program)
    lines = first.splitlines()
    assert lines[0] == "CheckpointNotFoundError: nothing: does not exist"
    assert "InvalidLayoutError" in lines[1]
    for other in others:
        # An error of orbscan is the same everywhere; a wrong argument is wrong in each process.
        assert other.splitlines()[:2] == lines[:2]
        assert "ValueError" in other.splitlines()[2]
        assert other.splitlines()[3] == lines[3]


def test_a_process_that_ends_holds_nobody_up(folder: Path) -> None:
    program = """
if process == 2:
    # Without a word to the others.
    sys.stdout.flush()
    os._exit(0)
print(read("c"))
# Not all can come to a barrier any more.
sys.stdout.flush()
# The first one ends last: where its service is gone, JAX aborts a process.
import fcntl
if process == 0:
    for other in (1, 3):
        client.blocking_key_value_get(f"done/{other}", 60_000)
        fcntl.flock(open(f"elsewhere/{other}"), fcntl.LOCK_EX)
else:
    alive = open(str(process), "w")
    fcntl.flock(alive, fcntl.LOCK_EX)
    client.key_value_set(f"done/{process}", "1")
os._exit(0)
"""
    said = answers(folder, program)
    wanted = repr(orbscan.metadata(folder / "c").metadata) + "\n"
    assert said == [wanted, wanted, "", wanted]


def test_a_reader_that_does_not_answer_is_named(folder: Path) -> None:
    program = """
broadcasting.TIMEOUT = 1.0
if process != 0:
    print(read("c").split(":")[:2])
everybody("end")
"""
    said = answers(folder, program)
    text = "['RuntimeError', ' process 0, which reads c for all, has not answered within 1 s']\n"
    assert said == ["", text, text, text]


def test_processes_that_ask_otherwise_are_told(folder: Path) -> None:
    program = """
print(read("c" if process < 3 else "d").split(":")[0])
everybody("end")
"""
    assert answers(folder, program)[3] == "ValueError\n"


def test_alone_it_is_just_a_read(folder: Path) -> None:
    read = orbscan.metadata(folder / "c", multihost="broadcast")
    assert read == orbscan.metadata(folder / "c")


def test_handlers_are_not_asked_for_others(folder: Path) -> None:
    with pytest.raises(ValueError, match="handlers and multihost exclude each other"):
        orbscan.metadata(folder / "c", handlers={}, multihost="broadcast")


def test_another_word_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="multihost is 'broadcast' or None, not 'all'"):
        orbscan.metadata(folder / "c", multihost="all")  # type: ignore[arg-type]
