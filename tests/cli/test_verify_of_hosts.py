"""`orbscan verify` of local checkpoints: what one host holds, and all of them with --combined."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.checking.test_hosts import LINE, STEP, TWO, drop, forget_processes, laid, save

if TYPE_CHECKING:
    from pathlib import Path


MEANING = (
    "nothing that this host should hold is missing; --combined with the directories of all hosts "
    "tells whether everything is there"
)


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """Two hosts, half of an array each."""
    return save(tmp_path, {"w": laid(LINE, "data")}, TWO)


def test_the_command_says_what_part_lies_here(
    pair: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(pair[1])]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{pair[1]}: a part, ok at level index")
    assert lines[1] == "  holds     4 of 8 chunks, the whole share of process 1, of 2 processes"
    assert lines[3:6] == [
        "note chunk-elsewhere: state/w: chunks held by another host",
        "  chunks    4 of 8 chunks: (0,0)..(3,0), in elements [0:4, 0:8]",
        f"  means     {MEANING}",
    ]
    assert main(["verify", "-o", "json", str(pair[0])]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["part"] == {"processes": 2, "here": [0], "chunks": 4, "of": 8}
    assert document["paths"] == [str(pair[0])]
    assert main(["verify", *map(str, pair)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "2 checkpoints: 2 ok, 0 damaged, 0 leaves lost, 2 held in part"


@pytest.mark.parametrize("level", ["structure", "index", "data"])
def test_the_command_checks_all_hosts_as_one(
    pair: list[Path], capsys: pytest.CaptureFixture[str], level: str
) -> None:
    command = ["verify", "--combined", "--level", level]
    roots = [str(host.parent) for host in pair]
    for words in (map(str, pair), [*roots, "--step", STEP]):
        assert main([*command, *words]) == 0
        first, *_ = capsys.readouterr().out.splitlines()
        assert first.startswith(f"{pair[0]} and 1 more, combined: ok at level {level}")
    assert main([*command, *map(str, pair), "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["part"]) == (True, None)
    assert document["paths"] == [str(host) for host in pair]


def test_the_command_tells_of_a_chunk_that_no_host_holds(
    pair: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for host in pair:
        forget_processes(host)
    drop(pair[0], ["w/2.0"])
    assert main(["verify", "-q", "--combined", *map(str, pair)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "  restores  v1: fails; v0: fails"
    assert lines[4:7] == [
        "error chunk-missing: state/w: chunks that none of the directories has",
        "  lost      1 of 8 chunks: (2,0), in elements [2:3, 0:8]",
        "  expected  8 chunks",
    ]


def test_wrong_uses_of_combined_say_what_is_wrong(
    pair: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = map(str, pair)
    for words, reason in (
        ([one], "directories of two hosts or more"),
        ([one, one], f"{one}: is listed twice"),
        ([one, other, "--latest", "1"], "takes no option that selects among checkpoints"),
        ([one, other, "--shard", "0/2"], "takes no option that selects among checkpoints"),
        ([one, other, "--strict"], "takes no option that selects among checkpoints"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["verify", "--combined", *words])
        assert ended.value.code == 2
        assert reason in capsys.readouterr().err
    root = str(pair[0].parent)
    assert main(["verify", "--combined", root, other]) == 3
    assert "is a directory of 1 step" in capsys.readouterr().err
