"""`orbscan diff --values`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from orbscan.cli.demo import unpack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo"
    unpack(str(path))
    return path


def test_the_command_ends_by_what_it_found(
    demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    base = ["diff", "runs/base", "runs/base", "--values", "--step"]
    assert main([*base, "1500"]) == 0
    assert main([*base, "1400", "--other-step", "1500"]) == 1
    assert main(["diff", "damaged/none", "damaged/lost", "--values"]) == 5
    assert main(["diff", "damaged/none", "damaged/lost"]) == 0
    streams = capsys.readouterr()
    assert streams.err == ""
    assert "found      1 unreadable leaf" in streams.out


def test_a_terminal_is_told_how_far_it_is(
    demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    path = str(demo / "composite")
    assert main(["diff", path, path, "--values"]) == 0
    told = capsys.readouterr().err
    assert "compared 0 leaves, 0 B" in told
    assert told.endswith("\r\x1b[K")
