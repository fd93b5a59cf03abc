"""A diff as text to read, of bounded length. Pure: a diff in, lines out."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from orbscan.differing.trie import Fact, forest
from orbscan.differing.words import change_text, leaf_text
from orbscan.folding import ranges
from orbscan.text import columns, counted, keypath, labelled, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan.differing.diff import Diff, Keypath
    from orbscan.forest import Forest, Line

    Row = tuple[str, ...]

SHOWN = 40
"""The most lines of one kind of difference, unless told otherwise."""

_SHOWN_OF_GROUP = 3
_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")


def report(diff: Diff, shown: int | None = SHOWN) -> list[str]:
    """Show a diff.

    Siblings that differ in a number only are one line. Where there are still too many lines, deep
    subtrees are summed up, and only then lines are left out.

    Args:
        diff: what to show.
        shown: the most lines of one kind of difference; None for all leaves, one line each.
    """
    moved = [rename.before for rename in diff.renamed]
    arrived = [rename.after for rename in diff.renamed]
    removed = [(at, Fact(leaf_text(leaf), leaf.parameters)) for at, leaf in diff.removed]
    added = [(at, Fact(leaf_text(leaf), leaf.parameters)) for at, leaf in diff.added]
    changed = [(change.keypath, Fact(change_text(change))) for change in diff.changed]
    blocks = [
        labelled(_header(diff)),
        _block("changed", _tree_rows(changed, shown)),
        _block("container changed", _capped(_container_rows(diff), shown)),
        _block("perhaps renamed", _capped(_rename_rows(diff, folded=shown is not None), shown)),
        _block("perhaps renamed, but to which?", _capped(_ambiguous_rows(diff), shown)),
        _block(_but("removed", moved), _tree_rows(_outside(removed, moved), shown)),
        _block(_but("added", arrived), _tree_rows(_outside(added, arrived), shown)),
        _block("notes", _capped([(printable(note),) for note in diff.notes], shown)),
    ]
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += ["", *block] if lines else block
    return lines


def _header(diff: Diff) -> Iterator[tuple[str, str]]:
    yield "a", printable(diff.a)
    yield "b", printable(diff.b)
    yield "found", ", ".join(diff.summary())
    yield "same", counted(diff.unchanged, "leaf", "leaves")
    if diff.ignored:
        yield "ignored", ", ".join(sorted(diff.ignored))


def _but(word: str, renamed: list[Keypath]) -> str:
    return f"{word}, besides what is perhaps renamed" if renamed else word


def _block(title: str, rows: list[Row]) -> list[str]:
    """A title, and below it the rows with their cells aligned."""
    if not rows:
        return []
    width = max(map(len, rows))
    heading = ("",) * width
    padded = columns([heading, *((*row, *[""] * (width - len(row))) for row in rows)], right=())
    return [title, *(f"  {line}" for line in padded[1:])]


def _outside(found: list[tuple[Keypath, Fact]], roots: list[Keypath]) -> list[tuple[Keypath, Fact]]:
    """The leaves that lie below none of some keypaths."""
    known = set(roots)
    return [
        (at, fact)
        for at, fact in found
        if not any(at[:length] in known for length in range(len(at) + 1))
    ]


def _tree_rows(found: list[tuple[Keypath, Fact]], shown: int | None) -> list[Row]:
    """Leaves as rows, folded and summed up until there are no more than `shown`."""
    if not found:
        return []
    tree, facts = forest(found)
    if shown is None:
        return _rows(tree.lines(folded=False), facts)
    deepest = max([1, *(len(at) for at, _ in found)])
    fitting: list[Line] = []
    # Deeper and deeper: each walk ends where there are too many lines.
    for depth in range(1, deepest + 1):
        lines = [*islice(tree.lines(folded=True, depth=depth), shown + 1)]
        if len(lines) > shown:
            return _rows(fitting, facts) or _cut(tree, lines, facts, shown)
        fitting = lines
    return _rows(fitting, facts)


def _cut(tree: Forest, lines: list[Line], facts: list[Fact], shown: int) -> list[Row]:
    rest = tree.total.leaves - sum(line.held.leaves * line.times for line in lines[:shown])
    more = f"... and {counted(rest, 'more leaf', 'more leaves')}"
    return [*_rows(lines[:shown], facts), (more,)]


def _rows(lines: Iterable[Line], facts: list[Fact]) -> list[Row]:
    return [_row(line, facts) for line in lines]


def _row(line: Line, facts: list[Fact]) -> Row:
    path = keypath(line.entries)
    times = f"x{line.times:,}" if line.times > 1 else ""
    if line.leaf is not None:
        return path, facts[line.leaf].text, times
    leaves = counted(line.held.leaves, "leaf", "leaves")
    parameters = counted(line.held.parameters, "parameter")
    held = f"{leaves}, {parameters}" if line.held.parameters else leaves
    return f"{path}/**", held, times


def _container_rows(diff: Diff) -> list[Row]:
    return [(change.path, f"{change.before} -> {change.after}") for change in diff.containers]


def _rename_rows(diff: Diff, *, folded: bool) -> list[Row]:
    """Renames, those that differ in one number only as one row."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for rename in diff.renamed:
        before, after = keypath(rename.before), keypath(rename.after)
        number = _LAST_NUMBER.search(before)
        other = _LAST_NUMBER.search(after)
        if folded and number and other and number[0] == other[0]:
            texts = (*_around(before, number), *_around(after, other))
            groups.setdefault((*texts, rename.leaves), []).append(number[0])
        else:
            groups[before, after, rename.leaves] = []
    return [_rename_row(texts, leaves, numbers) for (*texts, leaves), numbers in groups.items()]  # type: ignore[arg-type]


def _around(text: str, number: re.Match[str]) -> tuple[str, str]:
    return text[: number.start()], text[number.end() :]


def _rename_row(texts: list[str], leaves: int, numbers: list[str]) -> Row:
    held = counted(leaves, "leaf", "leaves")
    if not numbers:
        return f"{texts[0]} -> {texts[1]}", held
    rising = sorted(numbers, key=int)
    shown = [f"{head}{_several(rising, head)}{tail}" for head, tail in (texts[:2], texts[2:])]
    return " -> ".join(shown), held, f"x{len(numbers):,}" if len(numbers) > 1 else ""


def _several(numbers: list[str], head: str) -> str:
    if len(numbers) == 1:
        return numbers[0]
    return ranges(numbers) if head.endswith("[") else f"{{{ranges(numbers)}}}"


def _ambiguous_rows(diff: Diff) -> list[Row]:
    return [
        (
            f"{_some(group.before)} -> {_some(group.after)}",
            f"each {counted(group.leaves, 'leaf', 'leaves')}",
        )
        for group in diff.ambiguous
    ]


def _some(keypaths: tuple[Keypath, ...]) -> str:
    shown = " | ".join(map(keypath, keypaths[:_SHOWN_OF_GROUP]))
    more = len(keypaths) - _SHOWN_OF_GROUP
    return f"{shown} | {more:,} more" if more > 0 else shown


def _capped(rows: Iterable[Row], shown: int | None) -> list[Row]:
    every = [*rows]
    if shown is None or len(every) <= shown:
        return every
    return [*every[:shown], (f"... and {len(every) - shown:,} more",)]
