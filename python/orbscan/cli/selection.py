"""`--param`: which leaves of a tree are asked for, by a pattern over readable keypaths."""

from __future__ import annotations

import re

from orbscan.text import keypath

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from orbscan import _core

# In the order in which they are tried. An index, as in `layers[0]`, begins a level as a slash does.
_WILDCARDS = {
    "/**/": r"(?:/|[/\[].*/)",
    "**/": r"(?:.*/)?",
    "/**": r"[/\[].*",
    "**": r".*",
    "*": r"[^/]*",
    "?": r"[^/]",
}
_TOKEN = re.compile("|".join([*map(re.escape, _WILDCARDS), "."]), re.DOTALL)


def matcher(pattern: str) -> Callable[[str], object]:
    """Compile a pattern: the result is true for the keypaths that it matches as a whole.

    `*` and `?` stand for any characters and one character other than a slash; `**` crosses slashes,
    and `/**/` also stands for one slash. All else stands for itself, brackets included, so that a
    keypath matches itself.

    >>> matches = matcher("params/**/kernel")
    >>> [bool(matches(path)) for path in ("params/kernel", "params[0]/a/kernel", "params/bias")]
    [True, True, False]
    """
    translated = _TOKEN.sub(lambda token: _WILDCARDS.get(token[0], re.escape(token[0])), pattern)
    return re.compile(translated, re.DOTALL).fullmatch


def selected_nodes(table: _core.LeafTable, pattern: str) -> set[int]:
    """Find the leaves whose readable keypath a pattern matches: the numbers of their nodes.

    Text without wildcards that is not the keypath of a leaf stands for the subtree of that
    keypath, and if there is none, for all keypaths that it is a part of.
    """
    from orbscan.leaves import leaves

    keypaths = [(keypath(entries), node) for entries, node, _ in leaves(table)]
    for matches in map(matcher, _readings(pattern)):
        if found := {node for text, node in keypaths if matches(text)}:
            return found
    return set()


def _readings(pattern: str) -> list[str]:
    """What a pattern can stand for, in the order in which that is tried.

    >>> _readings("params/"), _readings("params/*")
    (['params/', 'params/**', '**params/**'], ['params/*'])
    """
    if not pattern or "*" in pattern or "?" in pattern:
        return [pattern]
    return [pattern, f"{pattern.rstrip('/')}/**", f"**{pattern}**"]
