"""Where two trees differ: the answer of `orbscan.diff`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from orbscan.text import counted, keypath

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from orbscan.differing.leaf import LeafSummary

    Keypath: TypeAlias = tuple[str | int, ...]
    """Names of members of dicts and objects, and indices of members of lists."""


class LeafAt(NamedTuple):
    """A leaf that only one of the trees has.

    Attributes:
        keypath: where it is.
        leaf: what it is.
    """

    keypath: Keypath
    leaf: LeafSummary

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class LeafChange(NamedTuple):
    """A leaf that both trees have, and that differs.

    Attributes:
        keypath: where it is in the first tree.
        what: what differs: `kind`, `shape`, `dtype`, `sharding`, `devices`, `storage`; or
            `unreadable` alone, if one of the two cannot be read.
        before: what it is in the first tree.
        after: what it is in the second tree.
    """

    keypath: Keypath
    what: tuple[str, ...]
    before: LeafSummary
    after: LeafSummary

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class ContainerChange(NamedTuple):
    """A container that both trees have, of different kinds.

    Attributes:
        keypath: where it is in the first tree.
        before: what it is there: `dict`, `list`, `tuple` or `namedtuple`.
        after: what it is in the second tree.
    """

    keypath: Keypath
    before: str
    after: str

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class Rename(NamedTuple):
    """A subtree that only the first tree has, and that may have become one of the second.

    Both have the same structure, kinds of leaves, shapes and element types.

    Attributes:
        before: the keypath in the first tree.
        after: the keypath in the second tree.
        leaves: how many leaves it has.
    """

    before: Keypath
    after: Keypath
    leaves: int

    def __str__(self) -> str:
        return f"{keypath(self.before)} -> {keypath(self.after)}"


class AmbiguousRename(NamedTuple):
    """Subtrees that are all the same, and whose keypaths do not say which has become which.

    Attributes:
        before: their keypaths in the first tree.
        after: their keypaths in the second tree.
        leaves: how many leaves each of them has.
    """

    before: tuple[Keypath, ...]
    after: tuple[Keypath, ...]
    leaves: int


@dataclass(frozen=True, slots=True, repr=False)
class Diff:
    """Where two trees differ. False if they do not; `str` of it is a report.

    Attributes:
        a: what the first tree is called: the path of a checkpoint, or `tree`.
        b: likewise the second.
        added: leaves that only the second tree has.
        removed: leaves that only the first tree has.
        changed: leaves that both have, and that differ.
        containers: containers that both have, of different kinds.
        renamed: which removed subtree has perhaps become which added one; a guess by which no
            leaf is less removed or added.
        ambiguous: removed and added subtrees that would fit each other in several ways.
        unchanged: the number of leaves that do not differ.
        ignored: what was not compared, as given to `orbscan.diff`.
        notes: what is worth knowing before one relies on the answer.
    """

    a: str
    b: str
    added: tuple[LeafAt, ...]
    removed: tuple[LeafAt, ...]
    changed: tuple[LeafChange, ...]
    containers: tuple[ContainerChange, ...]
    renamed: tuple[Rename, ...]
    ambiguous: tuple[AmbiguousRename, ...]
    unchanged: int
    ignored: frozenset[str]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.changed or self.containers)

    def __bool__(self) -> bool:
        return not self.same

    def __str__(self) -> str:
        from orbscan.differing.text import report

        return "\n".join(report(self))

    def __repr__(self) -> str:
        return f"<Diff of {self.a} and {self.b}: {', '.join(self.summary())}>"

    def summary(self) -> Iterator[str]:
        """Count what differs: `2 changed leaves`, `1 added leaf`; `no difference` if nothing."""
        for word in ("changed", "removed", "added"):
            found = getattr(self, word)
            if found:
                yield counted(len(found), f"{word} leaf", f"{word} leaves")
        if self.containers:
            yield counted(len(self.containers), "changed container")
        if self.same:
            yield "no difference"
