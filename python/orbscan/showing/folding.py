"""Siblings that differ only in a number, shown as one: `layers[0..31]` for 32 of a list.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.showing.keypaths import Several

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from orbscan.showing.keypaths import Entry

FOLDED_BEYOND = 100
"""By default, trees with more leaves than this are folded."""

_DIGITS = "0123456789"
_EVERY_DIGIT = frozenset(_DIGITS)
LONGEST_NUMBER = 18
"""The most digits of a number: longer ones are not treated as numbers."""


def fold(siblings: Iterable[tuple[str | int, Hashable]]) -> list[tuple[Entry, int, int]]:
    """Find the siblings that are equal except for a number in their key.

    Args:
        siblings: for each its key or index, and a value that is equal for equal subtrees.

    Returns:
        the entries to show, each in the place of its first sibling: the entry, the position of the
        first sibling, and how many siblings the entry stands for.

    >>> fold([("a0", 1), ("a1", 1), ("b", 1)])[0][1:]
    (0, 2)
    """
    # Of each group only the first member and all numbers are kept: there may be a million.
    groups: dict[tuple[str | int | tuple[str | None, str, int], Hashable], _Group] = {}
    zero_filled: set[tuple[str | None, str]] = set()
    for position, (name, signature) in enumerate(siblings):
        prefix, number, suffix = _parts(name)
        # Without leading zeros, 9 and 10 are neighbours. With them, 09 and 10 are.
        if len(number) > 1 and number.startswith("0"):
            zero_filled.add((prefix, suffix))
        # A key without a number is a group of its own.
        template = (prefix, suffix, len(number)) if number else name
        group = groups.get((template, signature))
        if group is None:
            groups[template, signature] = group = _Group(position, name)
        group.numbers.append(number)
    merged: dict[Hashable, _Group] = {}
    for (template, signature), group in groups.items():
        shared: Hashable = template
        if isinstance(template, tuple) and template[:2] not in zero_filled:
            shared = template[:2]
        known = merged.setdefault((shared, signature), group)
        if known is not group:
            known.numbers += group.numbers
    found: list[tuple[Entry, int, int]] = []
    for group in merged.values():
        entry: Entry = group.name
        times = len(group.numbers)
        if times > 1:
            prefix, _, suffix = _parts(group.name)
            entry = Several(prefix, suffix, sorted(group.numbers, key=int))
        found.append((entry, group.position, times))
    return sorted(found, key=lambda entry: entry[1])


class _Group:
    """Siblings that are equal except for a number.

    Attributes:
        position: the position of the first of them.
        name: the name of the first of them.
        numbers: the numbers of all of them.
    """

    __slots__ = ("name", "numbers", "position")

    def __init__(self, position: int, name: str | int) -> None:
        self.position = position
        self.name = name
        self.numbers: list[str] = []


def _parts(name: str | int) -> tuple[str | None, str, str]:
    """Split a key into the text before its last number, that number, and the text after it.

    The number is empty if there is none, or none of a plausible length.
    """
    if isinstance(name, int):
        return None, str(name), ""
    if _EVERY_DIGIT.isdisjoint(name):
        return name, "", ""
    end = len(name)
    # Most numbers stand at the end.
    if not name or name[-1] not in _DIGITS:
        end = max(name.rfind(digit) for digit in _DIGITS) + 1
    start = len(name[:end].rstrip(_DIGITS))
    if end - start > LONGEST_NUMBER:
        return name, "", ""
    return name[:start], name[start:end], name[end:]
