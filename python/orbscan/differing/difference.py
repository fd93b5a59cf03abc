"""The difference of two outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing.aspects import Judge
from orbscan.differing.diff import Diff
from orbscan.differing.renames import suggest
from orbscan.differing.walk import compare, leaves_below
from orbscan.text import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from orbscan.differing.outline import Outline


def difference(
    before: Outline, after: Outline, *, ignore: Collection[str], rich_types: bool
) -> Diff:
    """Compare two outlines.

    Args:
        before: the first.
        after: the second.
        ignore: the members of `aspects.ASPECTS` that make no difference.
        rich_types: whether tuples and namedtuples are told from lists and dicts.
    """
    judge = Judge(ignore, rich_types=rich_types)
    found = compare(before, after, judge)
    renamed, ambiguous = suggest(before, after, found, judge)
    return Diff(
        a=before.shown,
        b=after.shown,
        added=tuple(leaves_below(after, found.added)),
        removed=tuple(leaves_below(before, found.removed)),
        changed=tuple(found.changed),
        containers=tuple(found.containers),
        renamed=renamed,
        ambiguous=ambiguous,
        unchanged=found.unchanged,
        ignored=judge.ignore,
        notes=tuple(_notes(before, after, found.unknown)),
    )


def _notes(before: Outline, after: Outline, unknown: int) -> Iterator[str]:
    for letter, outline in (("a", before), ("b", after)):
        for note in outline.notes:
            yield f"{letter}: {note}"
    if unknown:
        leaves = counted(unknown, "leaf", "leaves")
        yield f"the sharding of {leaves} is known on one side only, and was not compared"
