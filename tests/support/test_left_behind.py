"""The test that leaves something behind is the one that fails."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

_CONFTEST = """
import pytest
from tests.support import left_behind

@pytest.fixture(autouse=True)
def _leaves_nothing_behind():
    with left_behind.nothing():
        yield
"""

# What is said of it, and a test that leaves it behind.
_BODIES = {
    "the variable LEFT: None is now '1'": "os.environ['LEFT'] = '1'",
    "the working directory: ": "os.chdir('/')",
    "the search path: ": "sys.path.append('/')",
    "the handler of SIGTERM: ": "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "a timer that goes on: ": "signal.setitimer(signal.ITIMER_REAL, 100_000)",
    "the event loop: None is now ": "asyncio.set_event_loop(asyncio.new_event_loop())",
    "the level below which nothing is logged: 0 is now 50": "logging.disable()",
    "the limit of recursion: ": "sys.setrecursionlimit(999)",
    "a thread: stays": "threading.Thread(target=over.wait, name='stays').start()",
    "ResourceWarning: unclosed file": "circle = [open(__file__)]; circle.append(circle)",
    "work that Orbax may go on with, as it raised KeyError('x')": "pretend_that_orbax_fails()",
}

_MODULE = """
import asyncio, logging, os, signal, sys, threading, types
import pytest
from tests.support import left_behind

over = threading.Event()
left_behind._ENDS = 0.01
orbax = types.ModuleType("orbax")
sys.modules[left_behind._ORBAX] = orbax

def fail(coroutine):
    raise KeyError(coroutine)

orbax.run_sync = fail

def pretend_that_orbax_fails():
    with pytest.raises(KeyError):
        orbax.run_sync("x")

@pytest.fixture(scope="module", autouse=True)
def end_threads():
    yield
    over.set()

def test_that_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("LEFT", "1")
    monkeypatch.chdir(tmp_path)
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    asyncio.run(asyncio.sleep(0))
    open(__file__).close()
"""


def test_whoever_leaves_something_behind_fails_and_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    module = _MODULE
    for number, body in enumerate(_BODIES.values()):
        module += f"\ndef test_leaves_{number}():\n    {body}\n"
        module += f"\ndef test_after_{number}():\n    pass\n"
    (tmp_path / "test_it.py").write_text(module)
    options = ["-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", tmp_path, "-W", "error"]
    told = processes.run([sys.executable, "-m", "pytest", *options, tmp_path]).stdout
    for number, words in enumerate(_BODIES):
        title, _, rest = told.partition(f"ERROR at teardown of test_leaves_{number} ")
        assert title != told, told
        assert words in rest.partition("ERROR at")[0], rest
    assert f"{2 * len(_BODIES) + 1} passed, {len(_BODIES)} errors" in told
