"""The part of a report about whole checkpointables. Pure: a diff in, rows of text out."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from orbscan.differing import aspects, matching
from orbscan.differing.amount import VALUES
from orbscan.differing.changes import UNREADABLE
from orbscan.differing.words import meshes
from orbscan.errors import located
from orbscan.showing.text import checkpointable, counted, others, printable, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.differing.changes import Checkpointable, CheckpointablePair, Differences

    Row = tuple[str, ...]

SHOWN_OF_GROUP = 3
"""How many of several equal places are named."""

_SHOWN_NAMES = 10
_OF_CHECKPOINTABLES = {
    "removed": ("removed {}", "removed {}s"),
    "added": ("added {}", "added {}s"),
    "name": ("{} of another name", "{}s of another name"),
    "kind": ("{} of another kind", "{}s of another kind"),
    VALUES: ("{} of another content", "{}s of another content"),
    UNREADABLE: ("unreadable {}", "unreadable {}s"),
}
_NO_PYTREE = "not a pytree"


def header(diff: Differences) -> Iterator[tuple[str, str]]:
    """What was compared, and the result."""
    yield "a", printable(diff.a)
    yield "b", printable(diff.b)
    names = [pair_text(pair) for pair in diff.checkpointables if pair.is_compared]
    if any(_has_name(pair) for pair in diff.checkpointables):
        yield "compared", some(names, _SHOWN_NAMES, ", ") or "nothing"
    label = "others"
    for letter in "ab":
        left_out = [other[1:] for other in diff.others if other.side == letter]
        if left_out:
            yield label, f"{letter}: {others(left_out)}"
            label = ""
    if diff.param is not None:
        yield "param", f"{printable(diff.param)}: no other leaf was compared"
    yield "found", ", ".join(summary(diff))
    yield "same", counted(diff.unchanged, "leaf", "leaves")
    if (of_all := meshes(diff.changed)) is not None:
        yield "mesh", of_all
    yield "values", "not compared" if diff.values is None else str(diff.values)
    if diff.ignored:
        yield "ignored", ", ".join(sorted(diff.ignored))


def summary(diff: Differences) -> Iterator[str]:
    """Count what differs: `2 changed leaves`, `1 added leaf`; `no difference` if nothing."""
    unread = sum(change.what == (UNREADABLE,) for change in diff.changed)
    for word, number in (
        ("changed", len(diff.changed) - unread),
        (UNREADABLE, unread),
        (matching.REMOVED, len(diff.removed)),
        (matching.ADDED, len(diff.added)),
    ):
        if number:
            yield counted(number, f"{word} leaf", f"{word} leaves")
    if diff.containers:
        yield counted(len(diff.containers), "changed container")
    for word, shown in _OF_CHECKPOINTABLES.items():
        count = sum(word in pair.what for pair in diff.checkpointables)
        if count:
            yield counted(count, *(form.format("checkpointable") for form in shown))
    if diff.same:
        yield "no difference"


def checkpointable_rows(diff: Differences) -> list[Row]:
    """How checkpointables differ as a whole, one row each; a suggested rename is one for both."""
    renamed = [rename for rename in diff.renamed if rename.is_whole]
    moved = {rename.before.checkpointable: rename for rename in renamed}
    arrived = {rename.after.checkpointable for rename in renamed}
    elements: dict[tuple[str, str | None], int] = defaultdict(int)
    for word, found in ((matching.REMOVED, diff.removed), (matching.ADDED, diff.added)):
        for at in found:
            elements[word, at.checkpointable] += at.leaf.elements
    rows: list[Row] = []
    for pair in diff.checkpointables:
        before, after = pair.before, pair.after
        if after is None and before is not None and before.name in moved:
            rename = moved[before.name]
            rows.append((str(rename), "perhaps renamed", _leaves(rename.leaves)))
        elif after is None and before is not None:
            held = _held(before, elements[matching.REMOVED, before.name])
            rows.append((checkpointable(before.name), matching.REMOVED, held))
        elif before is None and after is not None and after.name not in arrived:
            held = _held(after, elements[matching.ADDED, after.name])
            rows.append((checkpointable(after.name), matching.ADDED, held))
        elif before is not None and after is not None:
            rows += _pair_rows(pair, before, after)
    for group in diff.ambiguous:
        if group.is_whole:
            were, are = (
                some([checkpointable(at.checkpointable) for at in places], SHOWN_OF_GROUP, " | ")
                for places in (group.before, group.after)
            )
            shown = f"each {_leaves(group.leaves)}"
            rows.append((f"{were} -> {are}", "perhaps renamed, but to which?", shown))
    return rows


def _pair_rows(
    pair: CheckpointablePair, before: Checkpointable, after: Checkpointable
) -> Iterator[Row]:
    name = pair_text(pair)
    if aspects.NAME in pair.what:
        yield name, "another name"
    if aspects.KIND in pair.what:
        yield name, "another kind", f"{_held(before)} -> {_held(after)}"
    if VALUES in pair.what:
        yield name, "another content"
    if UNREADABLE in pair.what:
        for letter, side in (("a", before), ("b", after)):
            if side.error is not None:
                yield name, f"unreadable in {letter}", _held(side)


def _held(side: Checkpointable, elements: int = 0) -> str:
    if side.error is not None:
        _, file, offset, in_body, reason = side.error
        return printable(located(reason, file, offset, in_body=in_body))
    if side.leaves is None:
        return _NO_PYTREE
    leaves = _leaves(side.leaves)
    return f"{leaves}, {counted(elements, 'element')}" if elements else leaves


def _leaves(number: int) -> str:
    return counted(number, "leaf", "leaves")


def _has_name(pair: CheckpointablePair) -> bool:
    return any(side is not None and side.name is not None for side in (pair.before, pair.after))


def pair_text(pair: CheckpointablePair) -> str:
    """The name of a checkpointable, or both names if they differ."""
    names = dict.fromkeys(side.name for side in (pair.before, pair.after) if side is not None)
    if aspects.NAME not in pair.what and len(names) > 1:
        # One without a name, such as a tree in memory, is compared with the one chosen for it.
        names.pop(None, None)
    return " -> ".join(map(checkpointable, names))
