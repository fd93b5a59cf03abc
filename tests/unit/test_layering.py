"""Which modules of the package may use which; `rust/orbscan-core/tests/layering.rs` in Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import orbscan
from orbscan import cli

PACKAGE = Path(orbscan.__file__).parent
ROOMS = sorted({file.parent.name for file in PACKAGE.glob("*/__init__.py")} - {"cli", "orbax"})
COMMANDS = (*cli.COMMANDS.values(),)


def name_of(file: Path) -> str:
    """The dotted name of a module.

    >>> name_of(PACKAGE / "cli" / "__init__.py")
    'orbscan.cli'
    """
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def uses(text: str) -> set[str]:
    """The modules that a source text imports, wherever it does, with all that they may be.

    >>> sorted(uses("from orbscan import cli" + chr(10) + "def f(): import orbscan.cli.show"))
    ['orbscan', 'orbscan.cli', 'orbscan.cli.show']
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a module lies"
            found.add(f"{node.module}")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


USES = {name_of(file): uses(file.read_text("utf-8")) for file in PACKAGE.rglob("*.py")}


def below(names: set[str], room: str) -> set[str]:
    return {name for name in names if f"{name}.".startswith(f"{room}.")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_what_is_in_it(room: str) -> None:
    own = PACKAGE / room / "__init__.py"
    text = ast.get_docstring(ast.parse(own.read_text("utf-8")))
    named = re.findall(r"`([a-z_]+)`", text or "")
    assert {*named} == {file.stem for file in own.parent.glob("*.py")} - {"__init__"}


def test_only_the_program_uses_the_command_line() -> None:
    users = {name for name, used in USES.items() if below(used, "orbscan.cli")}
    assert "orbscan.__main__" in users
    assert users - {"orbscan.__main__"} == below(users, "orbscan.cli")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_uses_no_other(command: str) -> None:
    others = {f"orbscan.cli.{other}" for other in COMMANDS} - {f"orbscan.cli.{command}"}
    assert not USES[f"orbscan.cli.{command}"] & others


def test_what_is_worked_out_from_plain_values_reads_nothing() -> None:
    readers = {"orbscan.reading.api", "orbscan.reading.step_choice", "orbscan.reading.steps"}
    for name in below({*USES}, "orbscan.planning") | below({*USES}, "orbscan.differing"):
        # Where a path is given, somebody has to read it.
        assert name == "orbscan.differing.api" or not USES[name] & readers, name
