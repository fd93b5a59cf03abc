"""The page of the command line says which command ends with which exit code."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from orbscan import cli
from orbscan.cli import exits
from orbscan.cli.help import EXIT_CODES

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
ROW = re.compile(r"^\| (\d+) \| (.*) \|$", re.MULTILINE)
ROWS = {int(code): text for code, text in ROW.findall(PAGE.read_text("utf-8"))}


@pytest.mark.parametrize("name", ["FINDINGS", "PARTIAL"])
def test_commands_that_say_more_than_fine_are_named(name: str) -> None:
    using = {
        command
        for command in cli._COMMANDS
        if name in vars(import_module(f"orbscan.cli.{command}"))
    }
    assert using == {*re.findall(r"`(\w+)`", ROWS[getattr(exits, name)])} & {*cli._COMMANDS}


def test_every_exit_code_is_explained() -> None:
    codes = {value for value in vars(exits).values() if isinstance(value, int)}
    assert codes == {*ROWS}
    assert list(ROWS) == sorted(ROWS)
    # Of the last one nobody is told who could read it.
    told = {int(code) for code in re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)}
    assert told == codes - {exits.CLOSED_PIPE}
