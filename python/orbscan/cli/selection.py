"""`--param`: which leaves of a tree are asked for, by a pattern over readable keypaths."""

from __future__ import annotations

import re

from orbscan.showing.keypaths import keypath, leaf_path

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
# As `show --fold` writes the numbers of siblings.
_NUMBER = r"[0-9]{1,18}"
_PART = rf"{_NUMBER}(?:\.\.{_NUMBER}(?::{_NUMBER})?)?"
_NUMBERS = rf"{_PART}(?:,{_PART})*"
_RANGES = rf"\[{_NUMBERS}\]|\{{{_NUMBERS}\}}"
_TOKEN = re.compile("|".join([*map(re.escape, _WILDCARDS), _RANGES, "."]), re.DOTALL)
_LONGEST = 100_000
"""Numbers of one range that are told apart."""


def matcher(pattern: str) -> Callable[[str], object]:
    """Compile a pattern: the result is true for the keypaths that it matches as a whole.

    `*` and `?` stand for any characters and one character other than a slash; `**` crosses slashes,
    and `/**/` also stands for one slash. `[0..31]` and `{0..30:2}` stand for the numbers that a
    folded line stands for. All else stands for itself, brackets included, so that a keypath matches
    itself.

    >>> matches = matcher("params/**/kernel")
    >>> [bool(matches(path)) for path in ("params/kernel", "params[0]/a/kernel", "params/bias")]
    [True, True, False]
    """
    matches = re.compile(_TOKEN.sub(_translated, pattern), re.DOTALL).fullmatch
    return lambda path: path == pattern or matches(path)


def _translated(token: re.Match[str]) -> str:
    text = token[0]
    if text in _WILDCARDS:
        return _WILDCARDS[text]
    inner = text[1:-1]
    if not inner or (text[0] == "[" and inner.isdecimal()):
        return re.escape(text)
    numbers = "|".join(_numbers(inner))
    return rf"\[(?:{numbers})\]" if text[0] == "[" else f"(?:{numbers})"


def _numbers(ranges: str) -> Iterator[str]:
    """The numbers of ranges as `folding.ranges` shows them, as they are written in keys."""
    for part in ranges.split(","):
        first, _, rest = part.partition("..")
        last, _, step = rest.partition(":")
        width = len(first) if first[0] == "0" else 0
        numbers = range(int(first), int(last or first) + 1, int(step or 1) or 1)
        yield from (str(number).zfill(width) for number in numbers[:_LONGEST])


def selected_nodes(table: _core.LeafTable, pattern: str, name: str | None = None) -> set[int]:
    """Find the leaves whose readable keypath a pattern matches: the numbers of their nodes.

    Text without wildcards that is not the keypath of a leaf stands for the subtree of that
    keypath, and if there is none, for all keypaths that it is a part of. Where no keypath matches,
    the `name` of the checkpointable may stand before it, as in reports about several of them.
    """
    from orbscan.reading.facts import leaves

    keypaths = [(keypath(entries), node) for entries, node, _ in leaves(table)]
    if name is None:
        ways = [keypaths]
    else:
        ways = [keypaths, [(leaf_path(name, entries), node) for entries, node, _ in leaves(table)]]
    for matches in map(matcher, _readings(pattern)):
        for way in ways:
            if found := {node for text, node in way if matches(text)}:
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
