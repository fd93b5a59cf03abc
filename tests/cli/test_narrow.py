"""Every table on a terminal that is too narrow for it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from orbscan.showing.text import width
from tools import demo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("narrow")
    demo.write_composite(root / "7")
    for other in ("10", "fewer"):
        shutil.copytree(root / "7", root / other)
    (root / "10" / "state" / "_METADATA").write_text("{")
    metadata = root / "fewer" / "state" / "_METADATA"
    document = json.loads(metadata.read_text())
    leaves = document["tree_metadata"]
    document["tree_metadata"] = {key: leaves[key] for key in [*leaves][:-3]}
    metadata.write_text(json.dumps(document))
    return root


@pytest.mark.parametrize("columns", [20, 80])
@pytest.mark.parametrize(
    "command",
    [
        ("show", "7"),
        ("plan", "7", "--mesh", "data=2,model=2"),
        ("ls", "."),
        ("steps", "."),
        ("du", "7"),
        ("diff", "7", "fewer"),
    ],
    ids=lambda command: command[0],
)
def test_a_table_is_no_wider_than_the_terminal(
    root: Path,
    command: tuple[str, ...],
    columns: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    # Ages are counted from now.
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    status = main([*command])
    piped = capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main([*command]) == status
    shown = capsys.readouterr().out
    assert main([*command, "--wide"]) == status
    assert capsys.readouterr().out == piped
    # Sentences and heads are left to the terminal: those lines are the same.
    changed = set(shown.splitlines()) - set(piped.splitlines())
    assert all(width(line) <= columns for line in changed)
    assert changed or columns > 20


def test_notes_do_not_repeat_the_path_of_their_row(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("ls", "steps"):
        main([command, os.fspath(root)])
        out = capsys.readouterr().out
        assert out.count(os.fspath(root)) == 1
    assert main(["ls", os.fspath(root)]) == 5
    assert "state/_METADATA, byte 1: " in capsys.readouterr().out
