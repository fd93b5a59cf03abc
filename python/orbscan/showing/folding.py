"""Siblings that differ in a number only, shown as one: `layers[0..31]` for 32 of a list.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.showing.keypaths import Several

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from orbscan.showing.keypaths import Entry

_DIGITS = "0123456789"
LONGEST_NUMBER = 18
"""Digits of the longest number that is taken for one: longer ones count nothing."""


def fold(siblings: Iterable[tuple[str | int, Hashable]]) -> list[tuple[Entry, int, int]]:
    """Find the siblings that are the same but for a number in their key.

    Args:
        siblings: for each its key or index, and a value that is equal for equal subtrees.

    Returns:
        what is to be shown, each in the place of its first sibling: the entry, the position of
        the first sibling, and how many siblings the entry stands for.

    >>> fold([("a0", 1), ("a1", 1), ("b", 1)])[0][1:]
    (0, 2)
    """
    named = [(name, *_parts(name), signature) for name, signature in siblings]
    # Without such zeros, 9 and 10 are neighbours. With them, 09 and 10 are.
    zero_filled = {
        (prefix, suffix)
        for _, prefix, number, suffix, _ in named
        if number.startswith("0") and len(number) > 1
    }
    groups: dict[Hashable, list[tuple[int, str | int, str]]] = {}
    for position, (name, prefix, number, suffix, signature) in enumerate(named):
        width = len(number) if (prefix, suffix) in zero_filled else 0
        # A key without a number is a group of its own.
        template = (prefix, suffix, width) if number else name
        groups.setdefault((template, signature), []).append((position, name, number))
    found: list[tuple[Entry, int, int]] = []
    for members in groups.values():
        position, name, _ = members[0]
        if len(members) > 1:
            prefix, _, suffix = _parts(name)
            numbers = sorted((number for *_, number in members), key=int)
            found.append((Several(prefix, suffix, numbers), position, len(members)))
        else:
            found.append((name, position, 1))
    return sorted(found, key=lambda entry: entry[1])


def _parts(name: str | int) -> tuple[str | None, str, str]:
    """Split a key into the text before its last number, that number, and the text behind it.

    The number is empty if there is none, or none of a sensible length.
    """
    if isinstance(name, int):
        return None, str(name), ""
    end = len(name)
    # Most numbers stand at the end.
    if not name or name[-1] not in _DIGITS:
        end = max(name.rfind(digit) for digit in _DIGITS) + 1
    start = len(name[:end].rstrip(_DIGITS))
    if end - start > LONGEST_NUMBER:
        return name, "", ""
    return name[:start], name[start:end], name[end:]
