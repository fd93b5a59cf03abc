"""Runs the commands over given answers of the extension module."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from orbscan.cli import main
from tests.checking.conftest import unpacked, v1
from tests.layout.conftest import copy, golden
from tests.scanning.conftest import archive, runs, step
from tests.support import fake_core

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["archive", "copy", "golden", "runs", "step", "unpacked", "v1"]
"""The fixtures of other rooms that tests of the command line use, too."""


class Shown(NamedTuple):
    status: int
    out: str
    err: str


class Command:
    """Runs one command over a given answer of the extension module."""

    def __init__(
        self,
        name: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self._name = name
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.calls: list[tuple[Any, ...]] = []

    def __call__(
        self,
        answer: Any,
        *arguments: str,
        beside: Sequence[tuple[str | None, bool | None]] = (),
    ) -> Shown:
        core = fake_core.install(self._monkeypatch, answer)
        core.beside = [*beside]
        try:
            status = main([self._name, *arguments])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        self.calls = core.calls
        return Shown(status, *self._capsys.readouterr())

    def document(self, answer: Any, *arguments: str) -> Any:
        return json.loads(self(answer, "run/1000", "-o", "json", *arguments).out)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("show", monkeypatch, capsys)


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command("plan", monkeypatch, capsys)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """Run `orbscan diff` over checkpoints on disk."""

    def run(*arguments: object) -> Shown:
        try:
            status = main(["diff", *map(str, arguments)])
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        return Shown(status, *capsys.readouterr())

    return run
