"""Suggestions for a `--param` that matches nothing; imported only then."""

from __future__ import annotations

import re

from orbscan.reading.nearest import alike_keys, nearest_texts
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 3


def suggestion(keypaths: Sequence[str], pattern: str) -> str:
    """Say which pattern would match, or which keypaths are near; empty if nothing is."""
    from orbscan import _core

    loose = loosened(pattern)
    matches = _core.KeypathPattern(loose).matches
    if loose.strip("*") and (count := sum(1 for text in keypaths if matches(text))):
        return f"; {loose!r} matches {counted(count, 'leaf', 'leaves')}"
    plain = re.sub(r"[*?]+", "", pattern)
    # A misspelled word may be one key of a keypath.
    near = [f"**{key}**" for key in alike_keys(keypaths, plain, _SHOWN)]
    near = near or nearest_texts(keypaths, plain, _SHOWN)
    return f"; the nearest are {', '.join(map(printable, near))}" if near else ""


def loosened(pattern: str) -> str:
    """Let every wildcard of a pattern span levels, and let it begin and end anywhere.

    >>> loosened("*embed*"), loosened("params/*/kernel"), loosened("layers/")
    ('**embed**', '**params/**/kernel**', '**layers**')
    """
    return "**" + re.sub(r"\*+", "**", pattern).strip("*/") + "**"
