"""The page of the command line says which command ends with which exit code."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from orbscan import cli
from orbscan.cli import exits
from orbscan.cli.topics import TABLE_OF_EXIT_CODES

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
ROW = re.compile(r"^\| (\d+) \| (.*) \|$", re.MULTILINE)
ROWS = {int(code): text for code, text in ROW.findall(PAGE.read_text("utf-8"))}


@pytest.mark.parametrize("name", ["FINDINGS", "PARTIAL"])
def test_commands_that_say_more_than_fine_are_named(name: str) -> None:
    using = {
        command
        for command, module in cli.COMMANDS.items()
        if name in vars(import_module(f"orbscan.cli.{module}"))
    }
    code = getattr(exits, name)
    assert using == {*re.findall(r"`(\w+)`", ROWS[code])} & {*cli.COMMANDS}
    assert using == {*re.findall(r"\w+", TABLE_OF_EXIT_CODES[code])} & {*cli.COMMANDS}


def test_every_exit_code_is_explained() -> None:
    codes = {value for value in vars(exits).values() if isinstance(value, int)}
    assert codes == {*ROWS}
    assert list(ROWS) == sorted(ROWS)
    assert codes == {*TABLE_OF_EXIT_CODES}
    assert list(TABLE_OF_EXIT_CODES) == sorted(TABLE_OF_EXIT_CODES)
