"""Checkpointables that are not pytrees: whether the files of two of them are equal."""

from __future__ import annotations

import json
from filecmp import cmp
from typing import TYPE_CHECKING, Any

from orbscan.differing.amount import short
from orbscan.showing.keypaths import key, keypath

if TYPE_CHECKING:
    from pathlib import Path

# It contains the path to which the checkpoint was saved.
_MARKER = "commit_success.txt"
_ABSENT = object()


def difference_of_documents(before: Path, after: Path) -> str | None:
    """Compare the files of two directories, JSON files by their content.

    Returns:
        Where they differ first; None if they are the same.

    Raises:
        OSError: the file system refused or failed.
    """
    files, others = _files(before), _files(after)
    for name in sorted(files | others):
        if name not in files or name not in others:
            return f"{key(name)} is only in {'a' if name in files else 'b'}"
        if cmp(before / name, after / name, shallow=False):
            continue
        one, other = _json(before / name), _json(after / name)
        if one is _ABSENT or other is _ABSENT:
            return f"{key(name)} has different bytes"
        if found := _first(one, other):
            return found
    return None


def _files(directory: Path) -> set[str]:
    every = (file for file in directory.rglob("*") if file.is_file() and file.name != _MARKER)
    return {file.relative_to(directory).as_posix() for file in every}


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return _ABSENT


def _first(before: Any, after: Any) -> str | None:
    """Where two documents differ first, and how; without recursion, because they may be deep."""
    waiting: list[tuple[tuple[str | int, ...], Any, Any]] = [((), before, after)]
    while waiting:
        at, one, other = waiting.pop()
        if isinstance(one, dict) and isinstance(other, dict):
            names = [*one, *(name for name in other if name not in one)]
            members = [
                ((*at, name), one.get(name, _ABSENT), other.get(name, _ABSENT)) for name in names
            ]
            waiting += reversed(members)
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            pairs = enumerate(zip(one, other, strict=True))
            waiting += reversed([((*at, number), *pair) for number, pair in pairs])
        elif one is _ABSENT or other is _ABSENT:
            return f"{keypath(at)} is only in {'a' if other is _ABSENT else 'b'}"
        elif one != other and (one == one or other == other):  # noqa: PLR0124 - NaN is NaN
            return f"{keypath(at)} {short(one)} -> {short(other)}"
    return None
