"""A process that forks while a scan is under way, as the workers of a DataLoader do."""

from __future__ import annotations

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
