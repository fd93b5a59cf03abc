"""A checkpoint that is swapped for another while it is read: no answer is a mixture of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import corpus, processes

if TYPE_CHECKING:
    from pathlib import Path

# The two differ in every leaf. They are swapped once in each round, at any time in it; between the
# renames there is nothing at the path.
_PROGRAM = """
    import os, sys, threading
    import orbscan

    path, other = sys.argv[1], sys.argv[2]
    whole = {str(orbscan.metadata(each).metadata) for each in (path, other)}
    trees = {
        tuple((leaf.param_name, leaf.chunks) for leaf in orbscan.du(each).leaves)
        for each in (path, other)
    }
    assert len(whole) == len(trees) == 2
    begun = threading.Barrier(2)

    def swap(delay):
        begun.wait()
        for _ in range(delay):
            pass
        os.rename(path, path + ".old")
        os.rename(other, path)
        os.rename(path + ".old", other)

    def read():
        found = orbscan.metadata(path)
        assert not found.issues, found.issues
        assert str(found.metadata) in whole, found

    def measure():
        found = orbscan.du(path)
        assert not found.issues, found.issues
        assert tuple((leaf.param_name, leaf.chunks) for leaf in found.leaves) in trees

    def scan():
        (entry,) = orbscan.scan(path, threads=1)
        assert entry.metadata is None or str(entry.metadata.metadata) in whole, entry

    def verify():
        report = orbscan.verify(path)
        assert report.ok, report

    sys.setswitchinterval(1e-6)
    answered = dict.fromkeys((read, measure, scan, verify), 0)
    for number in range(400):
        for ask in answered:
            swapper = threading.Thread(target=swap, args=(number * 7 % 400,))
            swapper.start()
            begun.wait()
            try:
                ask()
                answered[ask] += 1
            except orbscan.OrbscanError:
                pass
            finally:
                swapper.join()
    print(*(count > 0 for count in answered.values()))
"""


def test_no_answer_is_of_two_checkpoints(tmp_path: Path) -> None:
    for case in ("o0.12.8-flat", "o0.12.8-dtypes"):
        corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", tmp_path)
    paths = [tmp_path / case / "ckpt" for case in ("o0.12.8-flat", "o0.12.8-dtypes")]
    assert processes.python(_PROGRAM, *paths).split() == ["True"] * 4
