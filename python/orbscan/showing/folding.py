"""Siblings that differ in a number only, shown as one.

`layers[0..31]` stands for 32 members of a list whose subtrees are the same; `layer_{0..31}` does so
for keys of a dict. Ranges are exact: `[0..30:2]` has the even numbers only.

Importing this module loads nothing else.
"""

from __future__ import annotations

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from orbscan.showing.text import Entry

_DIGITS = "0123456789"
_SHORTEST_RANGE = 3
LONGEST_NUMBER = 18
"""Digits of the longest number that is taken for one: longer ones count nothing."""


class Several:
    """The entry of a keypath that stands for several siblings, which differ in one number.

    Attributes:
        prefix: the text before the number; None if the siblings are members of a list.
        suffix: the text behind the number.
        numbers: the numbers as they are written, in order.

    >>> Several("layer_", "", ["00", "01", "02"]).show(str)
    'layer_{00..02}'
    """

    __slots__ = ("numbers", "prefix", "suffix")

    def __init__(self, prefix: str | None, suffix: str, numbers: Sequence[str]) -> None:
        self.prefix = prefix
        self.suffix = suffix
        self.numbers = numbers

    def show(self, key: Callable[[str], str]) -> str:
        """Show the entry, where `key` shows what is not a number."""
        if self.prefix is None:
            return f"[{ranges(self.numbers)}]"
        before, after = (text and key(text) for text in (self.prefix, self.suffix))
        return f"{before}{{{ranges(self.numbers)}}}{after}"


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


def ranges(numbers: Sequence[str]) -> str:
    """Show rising numbers as ranges: from, to, and the step if it is not 1.

    >>> ranges(["0", "1", "2", "3", "7", "10", "20", "30"])
    '0..3,7,10..30:10'
    """
    values = [int(number) for number in numbers]
    parts = []
    start = 0
    while start < len(values):
        end = start + 1
        step = values[end] - values[start] if end < len(values) else 1
        while end < len(values) and values[end] - values[end - 1] == step:
            end += 1
        if end - start < _SHORTEST_RANGE:
            parts.append(numbers[start])
            start += 1
        else:
            stride = "" if step == 1 else f":{step}"
            parts.append(f"{numbers[start]}..{numbers[end - 1]}{stride}")
            start = end
    return ",".join(parts)


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
