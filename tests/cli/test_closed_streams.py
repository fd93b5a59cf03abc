"""Standard streams that a shell or a supervisor has closed."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import corpus, processes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("root")
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-flat.tar.gz", top)
    return top / "o0.12.8-flat"


def shell(words: list[object], closed: str) -> tuple[int, str, str]:
    line = shlex.join([sys.executable, "-m", "orbscan", *map(str, words)])
    ended = processes.run(["sh", "-c", f"exec {line} {closed}"])
    return ended.returncode, ended.stdout, ended.stderr


def commands(root: Path) -> list[list[object]]:
    checkpoint = root / "ckpt"
    return [
        ["show", checkpoint],
        ["ls", root],
        ["scan", root, "-o", "json"],
        ["steps", root],
        ["diff", checkpoint, checkpoint],
        ["verify", checkpoint],
        ["verify", "--level", "data", root],
        ["du", checkpoint],
        ["plan", checkpoint, "--mesh", "x=2"],
        ["dump", checkpoint / "_CHECKPOINT_METADATA"],
        ["--version"],
        ["--help"],
    ]


@pytest.mark.parametrize("number", range(12))
def test_what_cannot_be_written_is_an_error(root: Path, number: int) -> None:
    status, _, said = shell(commands(root)[number], ">&-")
    assert (status, said) == (4, "orbscan: error: standard output: Bad file descriptor\n")


@pytest.mark.parametrize("number", range(12))
def test_a_command_that_nobody_looks_at_does_its_work(root: Path, number: int) -> None:
    words = commands(root)[number]
    as_ever = shell(words, "")
    assert shell(words, "2>&-") == (as_ever[0], as_ever[1], "")


def test_a_table_is_written_all_the_same(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "table.jsonl"
    assert shell(["scan", root, "-o", file], "")[0] == 0
    whole = file.read_bytes()
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        file.unlink()
        assert shell(["scan", root, "-o", file], closed)[0] == 0
        assert file.read_bytes() == whole


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_an_error_never_gets_into_the_data(root: Path, tmp_path: Path, closed: str) -> None:
    file = tmp_path / "table.jsonl"
    status, out, _ = shell(["show", root / "nothing"], closed)
    assert (status, out) == (3, "")
    status, out, _ = shell(["scan", root / "nothing", "-o", file], closed)
    assert (status, out) == (3, "")
    assert not file.exists()


def test_paths_from_a_stdin_that_is_closed(root: Path) -> None:
    assert root.exists()
    status, out, said = shell(["ls", "-"], "<&-")
    assert (status, out) == (4, "")
    assert "Bad file descriptor" in said
