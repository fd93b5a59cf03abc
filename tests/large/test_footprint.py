"""What a million leaves would take: no object of Python stays for one that was written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.large import trees
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

LEAVES = 20_000

PROGRAM = """
    import io, sys, tracemalloc
    from orbscan.cli import main

    class Nothing(io.TextIOBase):
        def write(self, text):
            return len(text)

    path, *arguments = sys.argv[1:]
    told, sys.stdout = sys.stdout, Nothing()
    # What is imported for the first answer does not depend on its size.
    main([*arguments, path])
    tracemalloc.start()
    main([*arguments, path])
    _, peak = tracemalloc.get_traced_memory()
    print(peak, file=told)
"""


@pytest.mark.parametrize(
    "arguments",
    [["show", "-o", "json"], ["du", "-o", "json"], ["scan", "-o", "json", "--threads", "1"]],
)
def test_leaves_are_written_as_they_are_walked_over(tmp_path: Path, arguments: list[str]) -> None:
    large = trees.write(tmp_path / "large", LEAVES)
    peak = int(processes.python(PROGRAM, large, *arguments))
    # Their keys, and three columns: a number takes a place of eight bytes in each.
    key = sys.getsizeof("leaf_0000000")
    assert peak < LEAVES * (key + 4 * 8) + (1 << 20)


def test_of_siblings_that_are_folded_the_numbers_are_kept(tmp_path: Path) -> None:
    large = trees.write(tmp_path / "large", LEAVES)
    peak = int(processes.python(PROGRAM, large, "show"))
    # Besides the keys, and columns of the nodes.
    texts = sys.getsizeof("leaf_0000000") + sys.getsizeof("0000000")
    assert peak < LEAVES * (texts + 8 * 8) + (1 << 20)
