"""A process that forks while a scan is under way, as the workers of a DataLoader do."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.support import corpus, processes

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
    import gc, os, sys, warnings
    import orbscan
    import pyarrow as pa

    warnings.simplefilter("ignore", DeprecationWarning)

    def forked(use):
        pid = os.fork()
        if pid == 0:
            try:
                use()
                found = "no error"
            except (RuntimeError, pa.ArrowInvalid, OSError) as error:
                found = str(error)
            print(found.splitlines()[-1][-36:], flush=True)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    root, threads = sys.argv[1], int(sys.argv[2])
    scan = orbscan.scan(root, threads=threads)
    next(scan)
    for use in (lambda: list(scan), scan.leaves, scan.checkpoints, lambda: scan.progress.found):
        forked(use)

    def drop():
        global scan
        scan.close()
        del scan
        gc.collect()
        print(len(list(orbscan.scan(root, threads=threads))))

    forked(drop)
    print(1 + len(list(scan)))

    reader = pa.RecordBatchReader.from_stream(orbscan.scan(root, threads=threads).leaves())
    forked(reader.read_all)
    forked(lambda: list(orbscan.scan(root, threads=threads)))
    print(len(set(reader.read_all()["path"].to_pylist())))
"""

TOLD = "orked from that: begin a scan here"


@pytest.mark.parametrize("threads", [1, 4])
def test_a_scan_stays_with_the_process_that_began_it(tmp_path: Path, threads: int) -> None:
    for number in range(40):
        corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-flat.tar.gz", tmp_path / str(number))
    lines = processes.python(PROGRAM, tmp_path, threads).splitlines()
    assert [line[-len(TOLD) :] for line in lines] == [
        *[TOLD] * 4,
        "40",
        "no error",
        "40",
        TOLD,
        "no error",
        "40",
    ]


FIRST_CALL = """
    import os, sys, threading, warnings

    warnings.simplefilter("ignore", DeprecationWarning)
    path, module = sys.argv[1:]
    within, forked = threading.Event(), threading.Event()

    class Slow:
        # Holds an import until a fork has begun.
        def find_spec(self, name, *rest):
            if name == module and threading.current_thread() is not threading.main_thread():
                within.set()
                assert forked.wait(600)
            return None

    sys.meta_path.insert(0, Slow())
    import orbscan
    first = []
    reader = threading.Thread(target=lambda: first.append(orbscan.metadata(path)))
    reader.start()
    assert within.wait(600)
    # What was registered last is called first.
    os.register_at_fork(before=forked.set)
    pid = os.fork()
    if pid == 0:
        print(len([*orbscan.metadata(path).leaves()]), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    reader.join()
    print(len([*first[0].leaves()]))
"""


@pytest.mark.parametrize(
    "module",
    [
        "orbscan.reading.api",
        "orbscan._core",
        "orbscan.reading.answer",
        "orbscan.reading.tree",
        "numpy",
    ],
)
def test_a_fork_in_the_first_call_waits_for_its_imports(tmp_path: Path, module: str) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1.tar.gz", tmp_path)
    printed = processes.python(FIRST_CALL, tmp_path / "o0.12.8-v1" / "ckpt", module)
    assert printed.split() == ["5", "5"]


WORKERS = """
    import multiprocessing, sys, threading, warnings
    import orbscan

    warnings.simplefilter("ignore", DeprecationWarning)

    def leaves(path):
        return type(orbscan.metadata(path)).__name__

    # As the workers of a DataLoader: forked while another thread reads.
    done = threading.Event()
    def read():
        while not done.is_set():
            orbscan.metadata(sys.argv[1])
    reader = threading.Thread(target=read)
    reader.start()
    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(*{*pool.map(leaves, sys.argv[1:] * 40)})
    done.set()
    reader.join()
"""


def test_workers_that_are_forked_while_others_read_can_read(tmp_path: Path) -> None:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-flat.tar.gz", tmp_path)
    (path,) = (tmp_path / "o0.12.8-flat").iterdir()
    assert processes.python(WORKERS, path) == "CheckpointMetadata\n"


LEFT = """
    import sys
    import orbscan

    scan = orbscan.scan(sys.argv[1], threads=int(sys.argv[2]))
    next(scan)
    stream = orbscan.scan(sys.argv[1]).leaves()
"""


@pytest.mark.parametrize("threads", [1, 4])
def test_a_scan_that_lives_until_the_interpreter_ends_is_quiet(
    tmp_path: Path, threads: int
) -> None:
    for number in range(20):
        corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-flat.tar.gz", tmp_path / str(number))
    ended = processes.run([sys.executable, "-c", textwrap.dedent(LEFT), tmp_path, threads])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
