"""Ctrl-C while a scan is waited for, in processes of their own, which it may end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.processes import python

if TYPE_CHECKING:
    from pathlib import Path

# Another thread presses Ctrl-C. It does not get the interpreter before this one gives it away, and
# that is where the scan waits without it: however busy the machine is, not earlier and not later.
_INTERRUPTED = """
    import os, signal, sys, threading
    import orbscan

    def press():
        ready.wait()
        os.kill(os.getpid(), signal.SIGINT)

    path, threads, ordered = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "True"
    ready = threading.Event()
    # What runs in the background of a shell ignores it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.setswitchinterval(1e6)
    threading.Thread(target=press, daemon=True).start()
    # Nothing comes from all these, however long they are searched.
    roots = [os.path.join(path, name) for name in os.listdir(path)]
    entries = orbscan.scan(roots, ordered=ordered, threads=threads)
"""

_NEXT = """
    ready.set()
    try:
        next(entries)
    except KeyboardInterrupt:
        print("interrupted", [*entries])
"""

_TABLE = """
    import pyarrow as pa
    # The first call imports pandas, and reads its files without the interpreter.
    pa.table(orbscan.scan([]).leaves())
    table = entries.leaves()
    ready.set()
    try:
        pa.table(table)
    except pa.ArrowInvalid as error:
        print(error)
    try:
        table.check_interrupt()
    except KeyboardInterrupt:
        print("interrupted")
"""


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """Many names of a directory that is long to list, so that no scan of all ends by itself."""
    listed, names = tmp_path / "listed", tmp_path / "names"
    for directory in (listed, names):
        directory.mkdir()
    for number in range(2_000):
        (listed / str(number)).touch()
    for number in range(1_000):
        (names / str(number)).symlink_to(listed)
    return names


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("ordered", [False, True])
def test_an_interrupt_ends_the_wait(crowded: Path, threads: int, *, ordered: bool) -> None:
    assert python(_INTERRUPTED + _NEXT, crowded, threads, ordered) == "interrupted []\n"


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_ends_a_table(crowded: Path, threads: int) -> None:
    told, interrupted = python(_INTERRUPTED + _TABLE, crowded, threads, False).splitlines()  # noqa: FBT003
    assert "interrupted: the table is not complete" in told
    assert interrupted == "interrupted"
