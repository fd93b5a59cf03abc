"""A stand-in for the extension module that answers every question as a test wishes."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import orbscan
from orbscan import _core
from orbscan.reading import api

if TYPE_CHECKING:
    import pytest


class FakeCore(ModuleType):
    """Answers with `answer`, or raises it if it is an exception; remembers the calls."""

    __version__ = "1.2.3"
    KeypathPattern = _core.KeypathPattern
    parameter_nodes = staticmethod(_core.parameter_nodes)
    """They read nothing, so that the originals will do."""

    def __init__(self, answer: Any) -> None:
        super().__init__("orbscan._core")
        self.answer = answer
        self.beside: list[tuple[str | None, bool | None]] = []
        self.calls: list[tuple[Any, ...]] = []

    def read_pytree(self, path: str, name: str | None, rich_types: bool, **rules: Any) -> Any:  # noqa: FBT001 - as in the original
        return self._reply("read_pytree", path, name, rich_types, *_given(rules))

    def read_checkpointables(self, path: str, rich_types: bool, **rules: Any) -> Any:  # noqa: FBT001
        return self._reply("read_checkpointables", path, rich_types, *_given(rules))

    def read_header(self, path: str, name: str, **rules: Any) -> Any:
        return self._reply("read_header", path, name, *_given(rules))

    def others(self, path: str, name: str | None, **rules: Any) -> Any:
        self.calls.append(("others", path, name, *_given(rules)))
        return self.beside

    def is_orbax_checkpoint(self, path: str, **rules: Any) -> Any:
        return self._reply("is_orbax_checkpoint", path, *_given(rules))

    def find_step(self, root: str, step: int | str, prefix: Any, atomicity: str) -> Any:
        self.calls.append(("find_step", root, step, prefix, atomicity))
        return f"step_{step}"

    def _reply(self, *call: Any) -> Any:
        self.calls.append(call)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def put(fake: FakeCore) -> None:
    """Put a stand-in in the place of the extension module, for good."""
    sys.modules["orbscan._core"] = fake
    for module in (orbscan, api):
        module.__dict__["_core"] = fake


def install(monkeypatch: pytest.MonkeyPatch, answer: Any) -> FakeCore:
    """Put a stand-in in the place of the extension module until the end of the test."""
    fake = FakeCore(answer)
    monkeypatch.setitem(sys.modules, "orbscan._core", fake)
    for module in (orbscan, api):
        monkeypatch.setitem(module.__dict__, "_core", fake)
    return fake


def _given(rules: dict[str, Any]) -> list[tuple[str, Any]]:
    """The rules that are not those of a plain call."""
    plain = {"atomicity": "auto", "allow_uncommitted": False, "recover": False, "first": None}
    return [(name, value) for name, value in rules.items() if value != plain[name]]
