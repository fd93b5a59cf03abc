"""Ctrl-C while one large checkpoint is read: it is told long before the read would end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.large import trees
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

# Signals come from another thread, which gets the interpreter whenever the read lets go of it. The
# handler of the first returns, and lets the second come: of two, one is handled before the end of
# the read only if handlers run in the midst of it.
PROGRAM = """
    import os, signal, sys, threading
    import pyarrow as pa
    import orbscan
    from orbscan import _core

    path, question = sys.argv[1:]

    def table():
        try:
            pa.table(stream)
        except pa.ArrowInvalid:
            stream.check_interrupt()

    ask = {
        "read": lambda: _core.read_pytree(path, "AUTO", False),
        "everything": lambda: _core.read_everything(path, False),
        "verify": lambda: _core.verify(path, 2, False, None, None),
        "usage": lambda: _core.usage(path),
        "dump": lambda: orbscan.dump(path + "/state/_METADATA"),
        "table": table,
        "next": lambda: next(_core.scan([path], threads=1)),
    }[question]
    # The first call imports pandas, and reads its files without the interpreter.
    pa.table(orbscan.scan([]).leaves())
    stream = _core.leaf_stream(_core.scan([path], threads=1))

    handled = threading.Semaphore(0)
    times = 0

    def handle(*_):
        global times
        times += 1
        handled.release()
        if times == 2:
            raise KeyboardInterrupt

    def press():
        ready.wait()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            handled.acquire()

    ready = threading.Event()
    signal.signal(signal.SIGINT, handle)
    sys.setswitchinterval(1e6)
    threading.Thread(target=press, daemon=True).start()
    try:
        ready.set()
        ask()
        said = "read to the end"
    except KeyboardInterrupt:
        said = "interrupted"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print(said)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.write(tmp_path_factory.mktemp("large") / "tree", 300_000)


@pytest.mark.parametrize(
    "question", ["read", "everything", "verify", "usage", "dump", "table", "next"]
)
def test_an_interrupt_ends_a_read(large: Path, question: str) -> None:
    assert processes.python(PROGRAM, large, question) == "interrupted\n"
