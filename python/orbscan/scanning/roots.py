"""Roots that are patterns, and what they stand for."""

from __future__ import annotations

import os

from orbscan.reading import api
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHARACTERS = frozenset("*?[")


def expanded(roots: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Give roots as texts, and in the place of a pattern what it stands for.

    A pattern stands for no plain file but a `.safetensors` one, and for nothing below what it also
    stands for, which is searched anyway; the order is that of names, numbers in them by their
    value. One that stands for nothing stays, so that somebody is told that it does not exist.

    Raises:
        ValueError: a root is a remote URL.
    """
    several = [roots] if isinstance(roots, str | os.PathLike) else roots
    texts: list[str] = []
    for root in several:
        text = api.local_path(root)
        if _CHARACTERS.isdisjoint(text) or os.path.lexists(text):
            texts.append(text)
            continue
        texts += _matches(text) or [text]
    return texts


def _matches(pattern: str) -> list[str]:
    import glob

    found = glob.glob(pattern, recursive=True)  # noqa: PTH207 - paths stay as they are given
    roots: list[str] = []
    above: list[str] = []
    for path in sorted(found, key=_level_by_level):
        parts = _parts(path)
        if above and parts[: len(above)] == above:
            continue
        if path.endswith(".safetensors") or not os.path.isfile(path):  # noqa: PTH113
            roots.append(path)
            above = parts
    return roots


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    return parts if parts[-1] else parts[:-1]


def _level_by_level(path: str) -> list[object]:
    return [natural(part) for part in _parts(path)]
