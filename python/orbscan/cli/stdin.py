"""Paths from stdin, in place of the argument `-`."""

from __future__ import annotations

import os
import sys

from orbscan.cli.exits import USAGE, Refusal

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

_STDIN = "-"


def paths(arguments: Iterable[str]) -> list[str]:
    """Return paths, and in place of each `-` the paths on stdin.

    Those are separated by NUL characters if there are any, otherwise by newlines: any other
    character may be part of a name.
    """
    given: list[str] = []
    for argument in arguments:
        given += _read() if argument == _STDIN else [argument]
    return given


def one_path(argument: str) -> str:
    """Return a path, or for `-` the only one on stdin.

    Raises:
        Refusal: stdin has none or several.
    """
    given = paths([argument])
    if len(given) != 1:
        message = f"expected one path on stdin, got {len(given):,}"
        raise Refusal(message, USAGE)
    return given[0]


def _read() -> list[str]:
    # As bytes, because a text stream also splits lines at other characters.
    binary = getattr(sys.stdin, "buffer", None)
    text = sys.stdin.read() if binary is None else os.fsdecode(binary.read())
    return [path for path in text.split("\0" if "\0" in text else "\n") if path]
