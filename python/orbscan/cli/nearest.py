"""What may be meant by a `--param` that matches nothing; imported only then."""

from __future__ import annotations

import re

from orbscan.reading.facts import leaves
from orbscan.reading.nearest import alike_keys, nearest
from orbscan.showing.keypaths import keypath
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan import _core

_SHOWN = 3


def suggestion(table: _core.LeafTable, pattern: str) -> str:
    """Say which pattern would match, or which keypaths are near; empty if nothing is."""
    from orbscan import _core

    keypaths = [keypath(entries) for entries, _, _ in leaves(table)]
    loose = loosened(pattern)
    matches = _core.KeypathPattern(loose).matches
    if loose.strip("*") and (count := sum(1 for text in keypaths if matches(text))):
        return f"; {loose!r} matches {counted(count, 'leaf', 'leaves')}"
    plain = re.sub(r"[*?]+", "", pattern)
    # A misspelled word may be one key of a keypath.
    near = [f"**{key}**" for key in alike_keys(keypaths, plain, _SHOWN)]
    near = near or [keypath(entries) for entries in nearest(table, plain, _SHOWN)]
    return f"; the nearest are {', '.join(map(printable, near))}" if near else ""


def loosened(pattern: str) -> str:
    """Let every wildcard of a pattern span levels, and let it begin and end anywhere.

    >>> loosened("*embed*"), loosened("params/*/kernel"), loosened("layers/")
    ('**embed**', '**params/**/kernel**', '**layers**')
    """
    return "**" + re.sub(r"\*+", "**", pattern).strip("*/") + "**"
