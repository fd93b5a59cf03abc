"""Libraries that are not there, or cannot be used, and what is said of each."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import pytest

from orbscan import extras


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            ModuleNotFoundError("it is gone"),
            ImportError,
            "completion needs shtab (it is gone): pip install 'orbscan[completion]'",
        ),
        (
            ImportError("undefined symbol: abc"),
            ImportError,
            "completion needs shtab, which is installed but does not work: undefined symbol: abc",
        ),
        (
            ImportError("a.so: failed to map segment from shared object"),
            MemoryError,
            "not enough memory to import shtab: a.so: failed to map segment from shared object",
        ),
    ],
)
def test_what_is_missing_is_told_from_what_does_not_work(
    error: ImportError,
    kind: type[Exception],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(_: str) -> NoReturn:
        raise error

    monkeypatch.setitem(sys.modules, "shtab", None)
    monkeypatch.setattr(importlib, "import_module", refused)
    with pytest.raises(kind) as raised:
        extras.need("shtab", "completion")
    assert str(raised.value) == message
