"""A failed run of the tests ends with the commands that run each failed test alone."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import processes
from tests.support.alone import command
from tools import cargo_test, step

if TYPE_CHECKING:
    from pathlib import Path

_CONFTEST = "from tests.support.alone import Failures\n\n\ndef pytest_configure(config):\n"
_CONFTEST += "    config.pluginmanager.register(Failures(config))\n"


def last_lines(folder: Path, tests: str, *options: str) -> list[str]:
    """What follows the last line of pytest itself."""
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_it.py").write_text(tests)
    # Plugins that are installed take longer to import than the tests to run.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
    pytest_ = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", "/dev/null"]
    ended = processes.run([*pytest_, "--rootdir", folder, *options, folder], env=alone)
    assert ended.returncode != 0
    lines = ended.stdout.splitlines()
    (start,) = (at for at, line in enumerate(lines) if line.endswith("alone:"))
    return lines[start:]


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_failed_tests_are_named_with_their_commands(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    tests = """
import pytest

@pytest.fixture
def broken():
    raise ValueError

@pytest.mark.parametrize("word", ["a b", "c"])
def test_one(word):
    assert word == "c"

def test_two(broken):
    pass
"""
    first, *others = last_lines(tmp_path, tests, *options)
    assert first == "to run what failed alone:"
    assert sorted(others) == [
        """    make python-test PYTEST_ARGS="'test_it.py::test_one[a b]'\"""",
        "    make python-test PYTEST_ARGS=test_it.py::test_two",
    ]


def test_a_file_that_cannot_be_imported_is_named(tmp_path: Path) -> None:
    assert last_lines(tmp_path, "import nothing_of_this_name") == [
        "to run what failed alone:",
        "    make python-test PYTEST_ARGS=test_it.py",
    ]


def test_a_test_in_which_a_process_died_is_named(tmp_path: Path) -> None:
    tests = "import os\n\n\ndef test_it():\n    os._exit(1)\n"
    assert last_lines(tmp_path, tests, "-n", "1") == [
        "to run what failed alone:",
        "    make python-test PYTEST_ARGS=test_it.py::test_it",
    ]


def test_a_test_that_was_interrupted_is_named(tmp_path: Path) -> None:
    tests = "def test_it():\n    raise KeyboardInterrupt\n"
    assert last_lines(tmp_path, tests) == [
        "to run what was running when all ended alone:",
        "    make python-test PYTEST_ARGS=test_it.py::test_it",
    ]


def test_a_command_reaches_pytest_as_the_name_it_was_made_of(tmp_path: Path) -> None:
    # As in the Makefile of the project.
    (tmp_path / "Makefile").write_text("python-test:\n\t@printf '%s\\n' $(PYTEST_ARGS)\n")
    for name in ("a.py::b", "a.py::b[x y]", "a.py::b[$HOME`'\"\\*?#]", "a.py::b[-1|2>&3;(4)]"):
        line = command(name)
        assert processes.output(["sh", "-c", line], cwd=tmp_path) == f"{name}\n"


_OF_CARGO = """
running 2 tests
test names::second ... FAILED

failures:

---- first stdout ----
    assertion failed

failures:
    first
    names::second

test result: FAILED. 0 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out

error: test failed, to rerun pass `-p orbscan-core --test scan`
"""


def test_failed_tests_of_cargo_are_named_with_their_commands() -> None:
    assert [*cargo_test.commands(_OF_CARGO.splitlines())] == [
        "to run what failed alone:",
        "    cargo test -p orbscan-core --test scan --all-features -- --exact first",
        "    cargo test -p orbscan-core --test scan --all-features -- --exact names::second",
    ]


def test_a_process_of_cargo_that_died_is_named() -> None:
    died = "error: test failed, to rerun pass `-p orbscan-core --test fuzz`"
    assert [*cargo_test.commands(["running 1 test", died, "(signal: 6, SIGABRT)"])] == [
        "to run what failed alone:",
        "    cargo test -p orbscan-core --test fuzz --all-features",
    ]


def test_a_step_that_fails_ends_with_its_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert step.run("a step", ["sh", "-c", "exit 3"], heartbeat=False) == 3
    *_, failed, command_ = capfd.readouterr().out.splitlines()
    assert failed.startswith("*** a step FAILED after ")
    assert command_ == "    to run this step alone: sh -c 'exit 3'"
