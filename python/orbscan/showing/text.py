"""Small pieces of text: names from files made safe for a terminal, sizes, aligned columns.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.showing.keypaths import key, key_entry

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from orbscan.showing.keypaths import Entry

NSECS_PER_SEC = 1_000_000_000

_DIGITS = frozenset("0123456789")
_BINARY, _DECIMAL = 1024, 1000
_SIZES_END = 1 << 64
_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_BYTES_OF_UNIT = (
    {"": 1, "b": 1}
    | {unit.lower(): _BINARY ** (at + 1) for at, unit in enumerate(_UNITS)}
    | {f"{unit[0].lower()}b": _DECIMAL ** (at + 1) for at, unit in enumerate(_UNITS)}
)

# The most names on a line.
_SHOWN_NAMES = 10

_LONGEST_TEXT = 300

LABEL = 11
"""The width of the label of a line, including the space after it."""


def printable(text: str) -> str:
    r"""Escape control characters and everything else that a terminal would not show.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    return text if text.isprintable() else repr(text)[1:-1]


def shortened(text: str) -> str:
    """Show the beginning of a text."""
    shown = printable(text)
    return shown if len(shown) <= _LONGEST_TEXT else f"{shown[:_LONGEST_TEXT]}..."


def within(path: str, text: str) -> str:
    """Remove a known directory from what a text says about a place in it.

    >>> within("runs/7", "runs/7/state/d: is missing"), within("runs/7", "runs/7: is empty")
    ('state/d: is missing', 'is empty')
    """
    path = path.rstrip("/")
    rest = text[len(path) :]
    is_there = path and text.startswith(path) and rest[:1] in {"/", ":", ","}
    return rest[1:].lstrip(" /") if is_there else text


def checkpointable(name: str | None) -> str:
    """Show the name of a checkpointable; None is a tree without a name.

    >>> checkpointable("params"), checkpointable(None)
    ('params', '(unnamed)')
    """
    return "(unnamed)" if name is None else key(name)


def others(found: Iterable[tuple[str | None, bool | None]]) -> str:
    """Show the names of checkpointables that were left out, and which are not pytrees.

    >>> others([("ema", True), ("dataset", False)])
    'ema, dataset (not a pytree)'
    """
    notes = {True: "", False: " (not a pytree)", None: " (cannot be read)"}
    names = [f"{checkpointable(name)}{notes[is_pytree]}" for name, is_pytree in found]
    return some(names, _SHOWN_NAMES, ", ")


def natural(name: str) -> list[tuple[bool, int, str, str]]:
    """Return a key that sorts names by the value of the numbers in them, before other texts.

    >>> sorted(["step_10", "step_9", "step", "10", "9"], key=natural)
    ['9', '10', 'step', 'step_9', 'step_10']
    """
    import re

    key: list[tuple[bool, int, str, str]] = []
    for piece in re.findall(r"[0-9]+|[^0-9]+", name):
        if piece[0] in _DIGITS:
            # As text, because a name may have more digits than Python converts.
            number = piece.lstrip("0")
            key.append((False, len(number), number, piece))
        else:
            key.append((True, 0, piece, ""))
    return key


def by_level(entries: Iterable[Entry]) -> list[list[tuple[bool, int, str, str]]]:
    """Return a key that sorts keypaths by the names of each level, as `natural` does.

    >>> sorted([("b", 10), ("b", 9), ("a",)], key=by_level)
    [('a',), ('b', 9), ('b', 10)]
    """
    return [natural(key_entry(entry)) for entry in entries]


def some(texts: Sequence[str], most: int, between: str) -> str:
    """Show the first of several texts, and how many more there are.

    >>> some(["a", "b", "c", "d"], 2, " | ")
    'a | b | 2 more'
    """
    more = len(texts) - most
    return between.join([*texts[:most], *([f"{more:,} more"] if more > 0 else [])])


_MOST_BITS = 1_000


def size(nbytes: int) -> str:
    """Show a number of bytes in binary units.

    >>> size(1536)
    '1.5 KiB'
    """
    if nbytes < _BINARY:
        return f"{nbytes} B"
    if nbytes.bit_length() > _MOST_BITS:
        # No float is that large: the shape is invalid.
        return f"2^{nbytes.bit_length() - 1} B"
    amount = float(nbytes)
    unit = ""
    for unit in _UNITS:  # noqa: B007 - used behind the loop
        amount /= _BINARY
        if amount < _BINARY:
            break
    return f"{amount:.1f} {unit}"


def parsed_size(text: str) -> int:
    """Read a number of bytes: `16GiB`, `1.5 TB`, `4096`.

    Raises:
        ValueError: it is not a number of at least 0 with a unit, or without one; or it is more
            than 64 bits can count.

    >>> parsed_size("1.5 KiB"), parsed_size("2kB"), parsed_size("7")
    (1536, 2000, 7)
    """
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    factor = _BYTES_OF_UNIT.get(text[len(number) :].strip().lower())
    digits = number.replace(".", "", 1)
    if factor is None or not (digits.isascii() and digits.isdecimal()):
        message = f"{text!r} is not a size such as 16GiB"
        raise ValueError(message)
    amount = float(number) * factor
    if amount >= _SIZES_END:
        message = f"{text!r} is more bytes than 64 bits can count"
        raise ValueError(message)
    return int(number) * factor if number.isdecimal() else int(amount)


def brackets(shape: tuple[int, ...]) -> str:
    """Show the shape of an array.

    >>> brackets((8, 16)), brackets(())
    ('[8,16]', '[]')
    """
    return f"[{','.join(map(str, shape))}]"


def grid(shape: tuple[int, ...]) -> str:
    """Show the shape of a mesh: `4x2`."""
    return "x".join(map(str, shape))


def spec_on_mesh(
    spec: tuple[str | tuple[str, ...] | None, ...],
    shape: tuple[int, ...],
    axis_names: tuple[str, ...],
) -> str:
    """Show a named sharding.

    >>> spec_on_mesh(("x", None), (4, 2), ("x", "y"))
    "P('x', None) on 4x2 (x, y)"
    """
    return f"{partition(spec)} on {mesh(shape, axis_names)}"


def partition(spec: tuple[str | tuple[str, ...] | None, ...]) -> str:
    """Show a partition spec: `P('x', None)`."""
    return f"P({', '.join(map(repr, spec))})"


def mesh(shape: tuple[int, ...], axis_names: tuple[str, ...]) -> str:
    """Show a mesh of devices: `4x2 (x, y)`."""
    return f"{grid(shape)} ({', '.join(map(printable, axis_names))})"


def moment(nsecs: int) -> str:
    """Show a time in nanoseconds since 1970 in UTC, truncated to microseconds.

    >>> moment(1_700_000_000_123_456_789)
    '2023-11-14 22:13:20.123456 UTC'
    """
    seconds, rest = divmod(nsecs, NSECS_PER_SEC)
    import time

    try:
        date = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
    except (OverflowError, OSError, ValueError):
        return f"{nsecs} ns since 1970"
    return f"{date}.{rest // 1000:06} UTC"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Show a number of things.

    >>> counted(1, "leaf", "leaves"), counted(2_000, "device")
    ('1 leaf', '2,000 devices')
    """
    return f"1 {noun}" if number == 1 else f"{number:,} {plural or f'{noun}s'}"


def total(leaves: int, parameters: int, elements: int, nbytes: int) -> str:
    """Show the content of a tree.

    >>> total(2, 8, 8, 32), total(2, 8, 24, 96)
    ('2 leaves, 8 parameters, 32 B', '2 leaves, 8 parameters of 24 elements, 96 B')
    >>> total(1, 0, 16, 64)
    '1 leaf, 16 elements, 64 B'
    """
    held = counted(parameters, "parameter")
    if parameters != elements:
        of = counted(elements, "element")
        held = f"{held} of {of}" if parameters else of
    return f"{counted(leaves, 'leaf', 'leaves')}, {held}, {size(nbytes)}"


def widths_of(rows: Iterable[tuple[str, ...]]) -> dict[int, int]:
    """Return the widths of the columns that have text below their heading.

    Args:
        rows: the texts; the first row is the heading.
    """
    texts = iter(rows)
    widths = [width(text) for text in next(texts)]
    kept = [False] * len(widths)
    for row in texts:
        for at, text in enumerate(row):
            if text:
                kept[at] = True
                widths[at] = max(widths[at], width(text))
    return {at: widths[at] for at, is_kept in enumerate(kept) if is_kept}


def padded(
    rows: Iterable[tuple[str, ...]], widths: Mapping[int, int], *, right: Collection[int]
) -> Iterator[list[tuple[int, str]]]:
    """Pad the cells of rows of equal length, and leave out columns without a width.

    Args:
        rows: the texts; the first row is the heading.
        widths: the widths of the columns, from `widths_of`.
        right: the columns that are aligned to the right.

    Yields:
        for each row the remaining cells, as pairs of the number of the column and the text. The end
        of a line is not padded.
    """
    for row in rows:
        shown = list(widths)
        while shown and not row[shown[-1]]:
            shown.pop()
        cells = []
        for at in shown:
            blank = " " * (widths[at] - width(row[at]))
            cells.append((at, blank + row[at] if at in right else row[at] + blank))
        if cells:
            last, text = cells[-1]
            cells[-1] = (last, text.rstrip())
        yield cells


def width(text: str) -> int:
    """Return the number of terminal columns that a text takes.

    >>> width("kernel"), width("重み")
    (6, 4)
    """
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(character) else 1 + (east_asian_width(character) in {"W", "F"})
        for character in text
    )


def labelled(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Put labels of at most ten letters before texts, which all begin in column `LABEL`."""
    return [f"{label:<{LABEL}}{text}".rstrip() for label, text in pairs]
