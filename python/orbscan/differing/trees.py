"""Differences sorted by the tree they are in. Pure: a diff in, values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orbscan.differing.changes import (
        AmbiguousRename,
        CheckpointablePair,
        ContainerChange,
        Differences,
        LeafAt,
        LeafChange,
        Rename,
        Rule,
    )

    Name = str | None

T = TypeVar("T")


class Tree(NamedTuple):
    """The differences of two trees that were compared, or all of one that only one side has.

    Attributes:
        pair: the checkpointables that they are.
        changed, containers, renamed, rules, ambiguous, removed, added: as those of a `Diff`.
    """

    pair: CheckpointablePair
    changed: list[LeafChange]
    containers: list[ContainerChange]
    renamed: list[Rename]
    rules: list[Rule]
    ambiguous: list[AmbiguousRename]
    removed: list[LeafAt]
    added: list[LeafAt]

    @property
    def differs(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.changed or self.containers or self.removed or self.added)


def trees(diff: Differences) -> list[Tree]:
    """Sort differences by tree, in the order of `diff.checkpointables`."""
    changed = _by_name(diff.changed, lambda change: change.checkpointable)
    containers = _by_name(diff.containers, lambda change: change.checkpointable)
    renamed = _by_name(
        (rename for rename in diff.renamed if not rename.is_whole),
        lambda rename: rename.before.checkpointable,
    )
    rules = _by_name(diff.rules, lambda rule: rule.checkpointable)
    ambiguous = _by_name(
        (group for group in diff.ambiguous if not group.is_whole),
        lambda group: group.before[0].checkpointable,
    )
    removed = _by_name(diff.removed, lambda at: at.checkpointable)
    added = _by_name(diff.added, lambda at: at.checkpointable)

    def tree(pair: CheckpointablePair) -> Tree:
        def of_first(by_name: dict[Name, list[T]]) -> list[T]:
            return [] if pair.before is None else by_name.get(pair.before.name, [])

        return Tree(
            pair,
            of_first(changed),
            of_first(containers),
            of_first(renamed),
            of_first(rules),
            of_first(ambiguous),
            of_first(removed),
            [] if pair.after is None else added.get(pair.after.name, []),
        )

    return [tree(pair) for pair in diff.checkpointables]


def _by_name(found: Iterable[T], name: Callable[[T], Name]) -> dict[Name, list[T]]:
    by_name: dict[Name, list[T]] = {}
    for row in found:
        by_name.setdefault(name(row), []).append(row)
    return by_name
