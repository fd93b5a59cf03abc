"""The difference of two sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.differing import leaf as kinds
from orbscan.differing import matching, renames
from orbscan.differing.amount import VALUES
from orbscan.differing.aspects import Judge
from orbscan.differing.changes import Checkpointable, CheckpointablePair, Other
from orbscan.differing.diff import Diff
from orbscan.differing.selected import Shown, holds, kept, restricted
from orbscan.differing.shared import SharedValues
from orbscan.differing.walk import compare, leaves_below
from orbscan.errors import located
from orbscan.showing.keypaths import key
from orbscan.showing.text import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from orbscan.differing.amount import Comparer
    from orbscan.differing.changes import (
        AmbiguousRename,
        ContainerChange,
        LeafAt,
        LeafChange,
        Rename,
        Rule,
    )
    from orbscan.differing.matching import Pair
    from orbscan.differing.selected import Wanted
    from orbscan.differing.side import Item, Side


def difference(  # noqa: PLR0913 - keywords, each with a meaning of its own
    before: Side,
    after: Side,
    *,
    ignore: Collection[str],
    rich_types: bool,
    values: Comparer | None = None,
    wanted: Wanted | None = None,
) -> Diff:
    """Compare two sides, each checkpointable with its match.

    Args:
        before: the first.
        after: the second.
        ignore: the members of `aspects.ASPECTS` that do not count as differences.
        rich_types: whether tuples and namedtuples are distinguished from lists and dicts.
        values: compares values; None if they are not compared.
        wanted: the leaves that are compared; None for all.
    """
    judge = Judge(ignore, rich_types=rich_types)
    pairs = matching.pairs(before, after, judge.ignore)
    if wanted is not None:
        pairs = [pair for pair in pairs if holds(pair, wanted)]
    notes: list[str] = []
    if values is not None:
        pairs = [_with_documents(pair, values, notes) for pair in pairs]
    found = _Differences(judge, values, wanted)
    for pair in pairs:
        found.add(pair)
    found.suggest(_lacking(pairs, matching.REMOVED), _lacking(pairs, matching.ADDED))
    return Diff(
        a=before.shown,
        b=after.shown,
        checkpointables=tuple(map(_row, pairs)),
        added=tuple(found.added),
        removed=tuple(found.removed),
        changed=tuple(found.changed),
        containers=tuple(found.containers),
        renamed=tuple(found.renamed),
        rules=tuple(found.rules),
        ambiguous=tuple(found.ambiguous),
        unchanged=found.unchanged,
        ignored=judge.ignore,
        others=tuple(
            Other(letter, name, is_pytree)
            for letter, side in (("a", before), ("b", after))
            for name, is_pytree in side.others
        ),
        notes=(*_notes(before, after, [] if values else pairs, found.unknown), *notes),
        values=None if found.compared is None else found.compared.counts(),
        param=None if wanted is None else wanted.pattern,
        _sides=(before.described(), after.described()),
    )


class _Differences:
    """The differences of all pairs that have been compared so far."""

    def __init__(self, judge: Judge, values: Comparer | None, wanted: Wanted | None) -> None:
        self._judge = judge
        self._wanted = wanted
        self.compared = None if values is None else SharedValues(values)
        self.added: list[LeafAt] = []
        self.removed: list[LeafAt] = []
        self.changed: list[LeafChange] = []
        self.containers: list[ContainerChange] = []
        self.renamed: list[Rename] = []
        self.rules: list[Rule] = []
        self.ambiguous: list[AmbiguousRename] = []
        self.unchanged = self.unknown = 0

    def add(self, pair: Pair) -> None:
        """Compare two checkpointables."""
        before, after = pair.before, pair.after
        if kinds.UNREADABLE in pair.what:
            # It is not known what the other one has instead.
            return
        if before is None or after is None or before.outline is None or after.outline is None:
            self.removed += kept(_all_leaves(before), self._wanted)
            self.added += kept(_all_leaves(after), self._wanted)
            return
        wants_shared = self.compared is not None or self._wanted is not None
        found = compare(
            before.outline, after.outline, self._judge, before.name, wants_shared=wants_shared
        )
        if self._wanted is not None:
            found = restricted(found, before, after, self._judge, self._wanted)
        if self.compared is not None:
            found = self.compared.added_to(found, before, after)
        self.removed += kept(leaves_below(before.outline, found.removed, before.name), self._wanted)
        self.added += kept(leaves_below(after.outline, found.added, after.name), self._wanted)
        self.changed += found.changed
        self.containers += found.containers
        self.unchanged += found.unchanged
        self.unknown += found.unknown
        self._suggested(renames.within(before, after, found, self._judge))

    def suggest(self, removed: list[Item], added: list[Item]) -> None:
        """Suggest which removed checkpointable was renamed to which added one."""
        self._suggested(renames.of_wholes(removed, added, self._judge))

    def _suggested(self, suggestions: renames.Suggestions) -> None:
        renamed, ambiguous, rules = suggestions
        if self._wanted is not None:
            # A rename does not matter if nothing of the subtree is shown.
            shown = Shown(self.removed, self.added)
            renamed = tuple(filter(shown.has_rename, renamed))
            ambiguous = tuple(filter(shown.has_ambiguous, ambiguous))
        self.renamed += renamed
        self.rules += rules
        self.ambiguous += ambiguous


def _with_documents(pair: Pair, values: Comparer, notes: list[str]) -> Pair:
    """Compare a pair that does not consist of pytrees; what was not compared is a note."""
    before, after = pair.before, pair.after
    if before is None or after is None or before.is_pytree or after.is_pytree:
        return pair
    same, note = values.documents(before, after)
    if note is not None:
        notes.append(f"{key(before.name or '')}: {note}")
    if same:
        return pair
    return pair._replace(what=(*pair.what, kinds.UNREADABLE if same is None else VALUES))


def _all_leaves(item: Item | None) -> Iterable[LeafAt]:
    if item is None or item.outline is None:
        return ()
    return leaves_below(item.outline, [((), 0)], item.name)


def _lacking(pairs: Iterable[Pair], word: str) -> list[Item]:
    """The checkpointables that only one side has."""
    items = [pair.before or pair.after for pair in pairs if word in pair.what]
    return [item for item in items if item is not None]


def _row(pair: Pair) -> CheckpointablePair:
    return CheckpointablePair(_described(pair.before), _described(pair.after), pair.what)


def _described(item: Item | None) -> Checkpointable | None:
    if item is None:
        return None
    outline = item.outline
    leaves = None if outline is None else len(outline.node_leaves) - len(outline.containers)
    return Checkpointable(item.name, item.is_pytree, leaves, item.error)


def _notes(before: Side, after: Side, pairs: Iterable[Pair], unknown: int) -> Iterator[str]:
    for letter, side in (("a", before), ("b", after)):
        told = {item.error for item in side.items}
        for issue in side.issues:
            if issue not in told:
                _, file, offset, in_body, reason = issue
                yield f"{letter}: {located(reason, file, offset, in_body=in_body)}"
    for pair in pairs:
        this, that = pair.before, pair.after
        if this and that and not (this.is_pytree or that.is_pytree):
            yield f"not compared: {key(this.name or '')}, which is not a pytree"
    if unknown:
        leaves = counted(unknown, "leaf", "leaves")
        yield f"the sharding of {leaves} is known on one side only, and was not compared"
