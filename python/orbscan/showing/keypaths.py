"""Keypaths as text: the one spelling of the command line, of reports and of errors.

An entry may stand for several siblings that differ only in a number: `layers[0..31]` for 32 members
of a list whose subtrees are equal, `layer_{0..31}` for keys of a dict. Ranges are exact:
`[0..30:2]` has only the even numbers.

Importing this module loads nothing else.
"""

from __future__ import annotations

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    Entry: TypeAlias = "str | int | Several"

# Characters that would make a key ambiguous in a keypath.
_SPECIAL = frozenset("/[]{}'\"\\ ")
_SHORTEST_RANGE = 3


class Several:
    """The entry of a keypath that stands for several siblings, which differ in one number.

    Attributes:
        prefix: the text before the number; None if the siblings are members of a list.
        suffix: the text after the number.
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
        """Show the entry, where `key` shows the part that is not a number."""
        if self.prefix is None:
            return f"[{ranges(self.numbers)}]"
        before, after = (text and key(text) for text in (self.prefix, self.suffix))
        return f"{before}{{{ranges(self.numbers)}}}{after}"


def keypath(entries: Iterable[Entry]) -> str:
    """Show a keypath: keys joined with slashes, indices in brackets, ambiguous keys in quotes.

    >>> keypath(("layers", 0, "kernel"))
    'layers[0]/kernel'
    >>> keypath(("a/b", "0"))
    "'a/b'/0"
    """
    return joined(map(key_entry, entries)) or "."


def joined(parts: Iterable[str]) -> str:
    """Join entries that are text already, as a keypath is.

    >>> joined(["layers", "[0..31]", "kernel"])
    'layers[0..31]/kernel'
    """
    text = ""
    for part in parts:
        text += part if not text or part.startswith("[") else f"/{part}"
    return text


def leaf_path(name: str | None, entries: Iterable[Entry]) -> str:
    """Show the position of a leaf: its keypath, after the name of its checkpointable, if any.

    >>> leaf_path("state", ("layers", 0, "kernel")), leaf_path(None, ("layers", 0))
    ('state/layers[0]/kernel', 'layers[0]')
    """
    return keypath(entries if name is None else (name, *entries))


def key_entry(entry: Entry) -> str:
    """Show one entry of a keypath.

    >>> key_entry("kernel"), key_entry(0), key_entry("a[0]")
    ('kernel', '[0]', "'a[0]'")
    """
    if isinstance(entry, int):
        return f"[{entry}]"
    if not isinstance(entry, str):
        return entry.show(key)
    return key(entry)


def key(name: str) -> str:
    """Show a key, in quotes if it would be ambiguous otherwise."""
    plain = name and name != "." and name.isprintable() and _SPECIAL.isdisjoint(name)
    return name if plain else repr(name)


def ranges(numbers: Sequence[str]) -> str:
    """Show increasing numbers as ranges: from, to, and the step if it is not 1.

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
