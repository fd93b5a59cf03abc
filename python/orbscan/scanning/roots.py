"""Roots that are patterns, and what they stand for."""

from __future__ import annotations

import os

from orbscan._imports import importing
from orbscan.reading import api
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHARACTERS = frozenset("*?[{")


def expanded(roots: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[str]:
    """Give roots as texts, and in the place of a pattern what it stands for.

    A pattern, in the dialect of docs/patterns.md, stands for no plain file but a `.safetensors`
    one, and for nothing below what it also stands for, which is searched anyway; the order is that
    of names, numbers in them by their value. One that stands for nothing stays, so that somebody is
    told that it does not exist.

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
    with importing:
        from orbscan import _core

    found = _core.expand_root(pattern) or []
    return sorted(found, key=lambda path: [natural(part) for part in path.split("/")])
