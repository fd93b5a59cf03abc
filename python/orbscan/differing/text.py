"""A diff as text to read, of bounded length. Pure: a diff in, lines out."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from orbscan.differing.changes import UNREADABLE
from orbscan.differing.heading import SHOWN_OF_GROUP, checkpointable_rows, header, pair_text
from orbscan.differing.trees import trees
from orbscan.differing.trie import Fact, forest
from orbscan.differing.words import change_text, leaf_text, meshes
from orbscan.showing.fitting import Fitting
from orbscan.showing.keypaths import keypath, ranges
from orbscan.showing.text import counted, labelled, printable, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan.aliases import Keypath
    from orbscan.differing.changes import (
        AmbiguousRename,
        ContainerChange,
        Differences,
        Place,
        Rename,
    )
    from orbscan.differing.trees import Tree
    from orbscan.showing.forest import Forest, Line

    Row = tuple[str, ...]

SHOWN = 40
"""The maximum number of lines for one kind of difference, by default."""

_GIVES = ((1, 40), (0, 40), (1, 20), (0, 16), (1, 8), (0, 8), (2, 0), (1, 0), (0, 1))
_INDENT = "  "
_SHOWN_TREES = 10
_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")


def report(
    diff: Differences, shown: int | None = SHOWN, fitting: Fitting | None = None
) -> list[str]:
    """Show a diff.

    Siblings that differ only in a number are one line. If there are still too many lines, deep
    subtrees are summed up, and only then lines are left out. A checkpointable that only one side
    has is one line.

    Args:
        diff: the diff to show.
        shown: the most lines of one kind of difference; None for all leaves, one line each.
        fitting: how its rows are fitted; None for not at all.
    """
    fitting = fitting or Fitting()
    blocks = [labelled(header(diff))]
    blocks += [_block(title, rows, fitting) or [title] for title, rows in sections(diff, shown)]
    # A note is a sentence, which folds better than it is cut.
    notes = _capped([(printable(note),) for note in diff.notes], shown)
    blocks.append(_block("notes", notes, Fitting()))
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += ["", *block] if lines else block
    return lines


def sections(diff: Differences, shown: int | None = SHOWN) -> Iterator[tuple[str, list[Row]]]:
    """Say how checkpointables differ, and how each tree does: titles, and the rows below each.

    Args:
        diff: what to show.
        shown: as for `report`.
    """
    if rows := _capped(checkpointable_rows(diff), shown):
        yield "checkpointables", rows
    several = len(diff.checkpointables) > 1
    meshes_told = meshes(diff.changed) is not None
    differing = [
        tree for tree in trees(diff) if tree.differs and (shown is None or tree.pair.is_compared)
    ]
    for tree in differing[: None if shown is None else _SHOWN_TREES]:
        prefix = f"{pair_text(tree.pair)}: " if several else ""
        of_tree = _blocks(tree, prefix, shown, meshes_told=meshes_told)
        yield from ((title, rows) for title, rows in of_tree if rows)
    more = 0 if shown is None else len(differing) - _SHOWN_TREES
    if more > 0:
        yield f"... and differences in {counted(more, 'more checkpointable')}", []


def _blocks(
    tree: Tree, prefix: str, shown: int | None, *, meshes_told: bool
) -> Iterator[tuple[str, list[Row]]]:
    """How a tree differs: titles, and the rows below each."""
    moved = [rename.before.keypath for rename in tree.renamed]
    arrived = [rename.after.keypath for rename in tree.renamed]
    removed = [(at.keypath, Fact(leaf_text(at.leaf), at.leaf.elements)) for at in tree.removed]
    added = [(at.keypath, Fact(leaf_text(at.leaf), at.leaf.elements)) for at in tree.added]
    changed, unread = (
        [
            (change.keypath, Fact(change_text(change, meshes_told=meshes_told)))
            for change in tree.changed
            if (change.what == (UNREADABLE,)) == is_unread
        ]
        for is_unread in (False, True)
    )
    renamed = [*_rule_rows(tree, folded=shown is not None)]
    blocks = [
        ("changed", _tree_rows(changed, shown)),
        ("unreadable", _tree_rows(unread, shown)),
        ("container changed", _capped(_container_rows(tree.containers), shown)),
        ("perhaps renamed", _capped(renamed, shown)),
        ("perhaps renamed, but to which?", _capped(_ambiguous_rows(tree.ambiguous), shown)),
        (_but("removed", moved), _tree_rows(_outside(removed, moved), shown)),
        (_but("added", arrived), _tree_rows(_outside(added, arrived), shown)),
    ]
    yield from ((f"{prefix}{title}", rows) for title, rows in blocks)


def _but(word: str, renamed: list[Keypath]) -> str:
    return f"{word} (possible renames excluded)" if renamed else word


def _block(title: str, rows: list[Row], fitting: Fitting) -> list[str]:
    """A title, and below it the rows with their cells aligned."""
    if not rows:
        return []
    width = max(map(len, rows))
    heading = ("",) * width
    filled = [heading, *((*row, *[""] * (width - len(row))) for row in rows)]
    padded = fitting.columns(filled, right=(), gives=_GIVES, indent=len(_INDENT))
    return [title, *(f"{_INDENT}{line}" for line in padded[1:])]


def _outside(found: list[tuple[Keypath, Fact]], roots: list[Keypath]) -> list[tuple[Keypath, Fact]]:
    """The leaves that do not lie below some keypaths."""
    known = set(roots)
    return [
        (at, fact)
        for at, fact in found
        if not any(at[:length] in known for length in range(len(at) + 1))
    ]


def _tree_rows(found: list[tuple[Keypath, Fact]], shown: int | None) -> list[Row]:
    """Leaves as rows, folded and summed up until there are at most `shown`."""
    if not found:
        return []
    tree, facts = forest(found)
    if shown is None:
        return _rows(tree.lines(folded=False), facts)
    deepest = max([1, *(len(at) for at, _ in found)])
    fitting: list[Line] = []
    # Deeper and deeper: each walk ends when there are too many lines.
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
    elements = counted(line.held.elements, "element")
    held = f"{leaves}, {elements}" if line.held.elements else leaves
    return f"{path}/**", held, times


def _container_rows(changes: Iterable[ContainerChange]) -> list[Row]:
    return [(change.path, f"{change.before} -> {change.after}") for change in changes]


def _rule_rows(tree: Tree, *, folded: bool) -> Iterator[Row]:
    """Renames, those that one rule explains as that rule, if they would be more rows than it."""
    by_rule: dict[str | None, list[Rename]] = {}
    for rename in tree.renamed:
        by_rule.setdefault(rename.rule, []).append(rename)
    for rule in tree.rules:
        rows = _rename_rows(by_rule.pop(str(rule), ()), folded=folded)
        if len(rows) > 1:
            explains = f"explains {rule.explains:,} of {counted(rule.of, 'rename')}"
            yield f"rule  {rule}", explains
        if len(rows) == 1 or not folded:
            yield from rows
    for rest in by_rule.values():
        yield from _rename_rows(rest, folded=folded)


def _rename_rows(renames: Iterable[Rename], *, folded: bool) -> list[Row]:
    """Renames, those that differ in only one number as one row."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for rename in renames:
        before, after = rename.before.path, rename.after.path
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


def _ambiguous_rows(groups: Iterable[AmbiguousRename]) -> list[Row]:
    return [
        (
            f"{_some(group.before)} -> {_some(group.after)}",
            f"each {counted(group.leaves, 'leaf', 'leaves')}",
        )
        for group in groups
    ]


def _some(places: tuple[Place, ...]) -> str:
    return some([place.path for place in places], SHOWN_OF_GROUP, " | ")


def _capped(rows: Iterable[Row], shown: int | None) -> list[Row]:
    every = [*rows]
    if shown is None or len(every) <= shown:
        return every
    return [*every[:shown], (f"... and {len(every) - shown:,} more",)]
