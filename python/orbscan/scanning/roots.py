"""Roots that are patterns, and the paths that they match."""

from __future__ import annotations

import os

from orbscan._imports import importing
from orbscan.places import Url
from orbscan.reading.paths import place_in_store
from orbscan.showing.text import natural

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from orbscan.aliases import Path, StoreOptions

_CHARACTERS = frozenset("*?[{")


def expanded(
    roots: Path | Iterable[Path],
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> list[str]:
    """Return roots as texts, with the paths that a pattern matches in its place.

    A pattern, in the dialect of docs/patterns.md, does not match plain files other than
    `.safetensors` files, nor paths below another match, which is searched anyway; the order is that
    of names, with numbers by their value. A pattern that matches nothing stays, so that it is
    reported as missing.

    Raises:
        ValueError: a root is a `file://` URL of another machine.
    """
    texts: list[str] = []
    for text in placed(roots, store=store, store_options=store_options):
        is_local = not isinstance(text, Url)
        if _CHARACTERS.isdisjoint(text) or (is_local and os.path.lexists(text)):
            texts.append(text)
            continue
        texts += _matches(text) or [text]
    return texts


def placed(
    roots: Path | Iterable[Path],
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> list[str]:
    """Return roots as texts that know their store; a pattern stays a pattern.

    Raises:
        ValueError: a root is a `file://` URL of another machine.
    """
    several = [roots] if isinstance(roots, str | os.PathLike) else roots
    return [place_in_store(root, store=store, store_options=store_options) for root in several]


def _matches(pattern: str) -> list[str]:
    with importing:
        from orbscan import _core

    found = _core.expand_root(pattern) or []
    found = sorted(found, key=lambda path: [natural(part) for part in path.split("/")])
    if not isinstance(pattern, Url):
        return found
    return [Url(path, pattern.store, pattern.path_type) for path in found]
