"""Which modules of the package may use which; `rust/orbscan-core/tests/layering.rs` in Python.

An arrow is whatever names another module: an import at the top, in a function or for type checkers
alone, so that annotations count, and a text that is the name of a module.
"""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import orbscan
from orbscan import cli

PACKAGE = Path(orbscan.__file__).parent
PAGE = Path(__file__).parents[2] / "ARCHITECTURE.md"
ROOMS = sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py"))
COMMANDS = (*cli.COMMANDS.values(),)


def name_of(file: Path) -> str:
    """The dotted name of a module.

    >>> name_of(PACKAGE / "cli" / "__init__.py")
    'orbscan.cli'
    """
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {name_of(file): file for file in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.pyi"))}


def uses(text: str) -> set[str]:
    """The modules of the package that a source text names.

    >>> sorted(uses("from orbscan import cli" + chr(10) + "def f(): import orbscan.cli.show"))
    ['orbscan.cli', 'orbscan.cli.show']
    >>> sorted(uses("if 0: from orbscan import Diff" + chr(10) + "a = 'orbscan.errors'"))
    ['orbscan', 'orbscan.errors']
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a module lies"
            assert f"{node.module}" in FILES or not f"{node.module}.".startswith("orbscan.")
            for alias in node.names:
                member = f"{node.module}.{alias.name}"
                found.add(member if member in FILES else f"{node.module}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            found.add(node.value)
    return found & FILES.keys()


USES = {name: uses(file.read_text("utf-8")) - {name} for name, file in FILES.items()}


def room_of(name: str) -> str:
    """The room of a module, or its own name where that lies in none.

    >>> room_of("orbscan.cli.show"), room_of("orbscan.errors"), room_of("orbscan")
    ('cli', 'errors', '__init__')
    """
    return name.split(".")[1] if "." in name else "__init__"


def floors() -> list[list[str]]:
    """The rooms as `ARCHITECTURE.md` has them: a line each, from the ground up."""
    _, _, package = PAGE.read_text("utf-8").partition("`python/orbscan` has rooms")
    rows = [line for line in package.splitlines() if line.startswith("|")]
    rows = rows[: next(at for at, row in enumerate(rows) if row.startswith("| what |"))]
    cells = [row.split("|")[1] for row in rows[2:]]
    return [re.findall(r"`(\w+)(?:/|\.pyi?)`", cell) for cell in cells]


def below(names: set[str], room: str) -> set[str]:
    return {name for name in names if f"{name}.".startswith(f"{room}.")}


def test_no_module_can_be_reached_from_itself() -> None:
    try:
        [*TopologicalSorter(USES).static_order()]
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_a_room_uses_only_rooms_above_it_in_the_page() -> None:
    floor = {room: at for at, rooms in enumerate(floors()) for room in rooms}
    assert floor.keys() == {room_of(name) for name in FILES}
    wrong = [
        f"{name} uses {used}"
        for name, every in USES.items()
        for used in every
        if room_of(used) != room_of(name) and floor[room_of(used)] > floor[room_of(name)]
    ]
    assert wrong == []


def test_no_two_rooms_of_a_floor_use_each_other() -> None:
    rooms: dict[str, set[str]] = {}
    for name, every in USES.items():
        rooms.setdefault(room_of(name), set()).update(map(room_of, every))
    graph = {room: used - {room} for room, used in rooms.items()}
    [*TopologicalSorter(graph).static_order()]


@pytest.mark.parametrize("room", sorted({*ROOMS} - {"cli", "orbax"}))
def test_a_room_names_what_is_in_it(room: str) -> None:
    own = PACKAGE / room / "__init__.py"
    text = ast.get_docstring(ast.parse(own.read_text("utf-8")))
    named = re.findall(r"`([a-z_]+)`", text or "")
    assert {*named} == {file.stem for file in own.parent.glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_tests_of_a_room_lie_in_a_folder_of_its_name(room: str) -> None:
    assert [*(Path(__file__).parents[1] / room).glob("**/test_*.py")]


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
        assert not USES[name] & readers, name
