"""Ends a failed run of the tests with the commands that run each failed test alone."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST = 20
"""Commands that are shown."""


class Failures:
    """A plugin of pytest that remembers which tests failed, and which never ended."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # An ordered set of names.
        self._failed: dict[str, None] = {}
        self._running: dict[str, None] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be collected has failed."""
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins, here or in a process of xdist."""
        self._running[nodeid] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test has ended, or the process that it ran in has."""
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has ended."""
        self._running.pop(nodeid, None)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """Says at the very end what to do."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        for line in self._lines():
            reporter.write_line(line)

    def _lines(self) -> Iterator[str]:
        running = {name: None for name in self._running if name not in self._failed}
        for title, names in (("failed", self._failed), ("was running when all ended", running)):
            if names:
                yield f"to run what {title} alone:"
                yield from (f"    {command(name)}" for name in [*names][:_MOST])
            if len(names) > _MOST:
                yield f"    and {len(names) - _MOST} more"


def command(nodeid: str) -> str:
    r"""The command that runs one test.

    >>> print(command("tests/a.py::test_b"))
    make python-test PYTEST_ARGS=tests/a.py::test_b
    >>> print(command("tests/a.py::test_b[x y-$]"))
    make python-test PYTEST_ARGS="'tests/a.py::test_b[x y-\$\$]'"
    """
    # The shell in which make runs pytest takes one pair of quotes away; of make itself is the `$`.
    word = shlex.quote(nodeid).replace("$", "$$")
    return f"make python-test PYTEST_ARGS={_quoted(word)}"


def _quoted(word: str) -> str:
    """A word for the shell, in double quotes if it has single ones."""
    if "'" not in word:
        return shlex.quote(word)
    escaped = "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in word)
    return f'"{escaped}"'
