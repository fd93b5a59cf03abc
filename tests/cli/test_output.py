"""Where text goes: all of it to a pipe and a pager, what fits to a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import output
from orbscan.showing.text import width
from tests.support import processes

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
    import os
    import sys
    import orbscan
    from tests.support import fake_core
    from tests.support.fake_core import FakeCore
    from tests.support.tables import array, checkpoint, scalar, unreadable
    tree = {"größe": array((2,)), "重み": scalar("int8"), "bad": unreadable("a long reason" * 9)}
    fake_core.put(FakeCore(checkpoint(tree)))
    if "--without-rich" in sys.argv:
        sys.argv.remove("--without-rich")
        sys.modules["rich"] = None
    from orbscan.__main__ import main
    status = main(["show", "p", *sys.argv[1:]])
    print(*sorted(sys.modules), file=open(sys.argv[0] + ".loaded", "w"))
    sys.exit(status)
"""
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


class Run:
    """Runs `orbscan show` in a process of its own, on a pipe or on a terminal."""

    def __init__(self, folder: Path) -> None:
        self._script = folder / "program.py"
        self._script.write_text(textwrap.dedent(_PROGRAM), "utf-8")
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name not in {"NO_COLOR", "PAGER", "FORCE_COLOR", "LESS", "COLUMNS"}
        }
        self._environment |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
        self._environment["PYTHONPATH"] = os.pathsep.join([os.getcwd(), *filter(None, sys.path)])  # noqa: PTH109 - where the tests are

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, str(self._script), *arguments]

    def piped(self, *arguments: str, **environment: str) -> str:
        command = self._command(arguments)
        return processes.output(command, env=self._environment | environment)

    def on_terminal(self, *arguments: str, **environment: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(  # noqa: S603
            self._command(arguments), env=self._environment | environment, stdout=theirs
        )
        os.close(theirs)
        pieces = []
        # Reading fails when the last writer has closed the terminal.
        while piece := _read(ours):
            pieces.append(piece)
        os.close(ours)
        assert process.wait() == 0
        return b"".join(pieces).decode().replace("\r\n", "\n")

    def loaded(self) -> set[str]:
        return set(self._script.with_suffix(".py.loaded").read_text("utf-8").split())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_wide_terminal_shows_the_same_characters_in_colour(run: Run) -> None:
    plain = run.piped()
    assert "rich" not in run.loaded()
    coloured = run.on_terminal(COLUMNS="1000")
    assert "rich" in run.loaded()
    assert _ESCAPES.search(coloured)
    assert _ESCAPES.sub("", coloured) == plain
    assert _ESCAPES.sub("", run.on_terminal("--wide", COLUMNS="20")) == plain


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), (["--without-rich"], {})],
)
def test_colour_can_be_refused(run: Run, arguments: list[str], environment: dict[str, str]) -> None:
    assert run.on_terminal("--wide", *arguments, **environment) == run.piped()


def test_an_empty_no_color_refuses_nothing(run: Run) -> None:
    assert _ESCAPES.search(run.on_terminal(NO_COLOR=""))


@pytest.mark.parametrize("columns", [20, 40, 60])
def test_a_table_fits_the_terminal(run: Run, columns: int) -> None:
    piped = run.piped(COLUMNS=str(columns))
    assert max(map(width, piped.splitlines())) > columns
    shown = _ESCAPES.sub("", run.on_terminal(COLUMNS=str(columns)))
    (at,) = [at for at, line in enumerate(shown.splitlines()) if line.startswith("LEAF")]
    table = shown.splitlines()[at : at + 4]
    assert all(width(line) <= columns for line in table)
    assert shown.splitlines()[:at] == piped.splitlines()[:at]
    assert "a lon" in shown if columns > 20 else "not shown" in shown


def test_a_terminal_without_an_ellipsis_gets_another_mark(run: Run) -> None:
    shown = run.on_terminal(COLUMNS="40", PYTHONIOENCODING="ascii")
    assert "~" in shown
    assert "\\u2026" not in shown


def test_the_pager_gets_the_whole_table(run: Run) -> None:
    shown = run.on_terminal("--pager", PAGER=f"{sys.executable} -c 'print(input()); print(2)'")
    assert shown == "path       p\n2\n"


@pytest.mark.parametrize(("given", "used"), [({}, "-SRF"), ({"LESS": "-X"}, "-X")])
def test_less_folds_no_lines_unless_its_user_says_so(
    run: Run, given: dict[str, str], used: str
) -> None:
    program = "import os; input(); print(os.environ['LESS'])"
    pager = f'{sys.executable} -c "{program}"'
    assert run.on_terminal("--pager", PAGER=pager, **given) == f"{used}\n"


def test_a_pipe_needs_no_pager(run: Run) -> None:
    assert run.piped("--pager", PAGER="false") == run.piped()


def test_every_role_has_a_style_that_rich_knows() -> None:
    from rich.style import Style

    assert all(Style.parse(style) is not None for style in output.STYLES.values())
