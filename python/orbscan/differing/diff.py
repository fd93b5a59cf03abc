"""Where two checkpoints or trees differ: the answer of `orbscan.diff`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from orbscan.showing.text import checkpointable, counted, keypath, leaf_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan import _core
    from orbscan.aliases import Keypath
    from orbscan.differing.leaf import LeafSummary

UNREADABLE = "unreadable"


class Checkpointable(NamedTuple):
    """One checkpointable of a side.

    Attributes:
        name: None for a tree that has none.
        is_pytree: whether it is a pytree, readable or not. Other things are not looked into.
        leaves: how many leaves its tree has; None if there is no tree to be read.
        error: why its tree cannot be read: (kind, file, offset, in_body, reason).
    """

    name: str | None
    is_pytree: bool
    leaves: int | None
    error: _core.Issue | None


class CheckpointablePair(NamedTuple):
    """Two checkpointables that were compared, or one that only one side has.

    Attributes:
        before: of the first side; None if it lacks it.
        after: of the second side; None if it lacks it.
        what: how they differ as a whole, whatever their leaves do: `removed`, `added`, `name`,
            `kind` if only one of them is a pytree, `unreadable` if one of them cannot be read.
    """

    before: Checkpointable | None
    after: Checkpointable | None
    what: tuple[str, ...]

    @property
    def is_compared(self) -> bool:
        """Whether both are trees, whose leaves were compared."""
        sides = (self.before, self.after)
        return all(side is not None and side.leaves is not None for side in sides)


class Other(NamedTuple):
    """A checkpointable that was not compared, since another one was chosen.

    Attributes:
        side: `a` or `b`.
        name: None for the tree of a checkpoint itself.
        is_pytree: whether it is a pytree; None if the file system does not let us look.
    """

    side: str
    name: str | None
    is_pytree: bool | None


class Place(NamedTuple):
    """A subtree or leaf of a side.

    Attributes:
        checkpointable: the name of the tree it is in.
        keypath: where it is there; () for all of it.
    """

    checkpointable: str | None
    keypath: Keypath

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)

    def __str__(self) -> str:
        return leaf_path(self.checkpointable, self.keypath)


class LeafAt(NamedTuple):
    """A leaf that only one of the sides has.

    Attributes:
        checkpointable: the name of the tree it is in.
        keypath: where it is there.
        leaf: what it is.
    """

    checkpointable: str | None
    keypath: Keypath
    leaf: LeafSummary

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class LeafChange(NamedTuple):
    """A leaf that both sides have, and that differs.

    Attributes:
        checkpointable: the name of the tree it is in, on the first side.
        keypath: where it is there.
        what: what differs: `kind`, `shape`, `dtype`, `sharding`, `devices`, `storage`; or
            `unreadable` alone, if one of the two cannot be read.
        before: what it is on the first side.
        after: what it is on the second side.
    """

    checkpointable: str | None
    keypath: Keypath
    what: tuple[str, ...]
    before: LeafSummary
    after: LeafSummary

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class ContainerChange(NamedTuple):
    """A container that both sides have, of different kinds.

    Attributes:
        checkpointable: the name of the tree it is in, on the first side.
        keypath: where it is there.
        before: what it is there: `dict`, `list`, `tuple` or `namedtuple`.
        after: what it is on the second side.
    """

    checkpointable: str | None
    keypath: Keypath
    before: str
    after: str

    @property
    def path(self) -> str:
        """The keypath, readable, as `orbscan show` prints it."""
        return keypath(self.keypath)


class Rename(NamedTuple):
    """A subtree that only the first side has, and that may have become one of the second.

    Both have the same structure, kinds of leaves, shapes and element types. They lie in two trees
    that were compared with each other, or are the whole trees of two checkpointables.

    Attributes:
        before: where it is on the first side.
        after: where it is on the second side.
        leaves: how many leaves it has.
    """

    before: Place
    after: Place
    leaves: int

    def __str__(self) -> str:
        if self.is_whole:
            names = (place.checkpointable for place in (self.before, self.after))
            return " -> ".join(map(checkpointable, names))
        return f"{self.before.path} -> {self.after.path}"

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole checkpointable."""
        return not (self.before.keypath or self.after.keypath)


class AmbiguousRename(NamedTuple):
    """Subtrees that are all the same, and whose places do not say which has become which.

    Attributes:
        before: where they are on the first side.
        after: where they are on the second side.
        leaves: how many leaves each of them has.
    """

    before: tuple[Place, ...]
    after: tuple[Place, ...]
    leaves: int

    @property
    def is_whole(self) -> bool:
        """Whether they are whole checkpointables."""
        return not any(place.keypath for place in (*self.before, *self.after))


@dataclass(frozen=True, slots=True, repr=False)
class Diff:
    """Where two sides differ. False if they do not; `str` of it is a report.

    Attributes:
        a: what the first side is called: the path of a checkpoint, or `tree`.
        b: likewise the second.
        checkpointables: those that were compared, and those that only one side has: of all that
            the sides have, or of the two that were chosen.
        added: leaves that only the second side has, those of added checkpointables included.
        removed: leaves that only the first side has, likewise.
        changed: leaves that both have, and that differ.
        containers: containers that both have, of different kinds.
        renamed: which removed subtree or checkpointable has perhaps become which added one; a
            guess by which no leaf is less removed or added.
        ambiguous: those that would fit each other in several ways.
        unchanged: the number of leaves that do not differ.
        ignored: what was not compared, as given to `orbscan.diff`.
        others: what was not looked at, since one checkpointable was chosen.
        notes: what is worth knowing before one relies on the answer.
    """

    a: str
    b: str
    checkpointables: tuple[CheckpointablePair, ...]
    added: tuple[LeafAt, ...]
    removed: tuple[LeafAt, ...]
    changed: tuple[LeafChange, ...]
    containers: tuple[ContainerChange, ...]
    renamed: tuple[Rename, ...]
    ambiguous: tuple[AmbiguousRename, ...]
    unchanged: int
    ignored: frozenset[str]
    others: tuple[Other, ...]
    notes: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs, and nothing that was to be compared is unreadable."""
        return not (self.unreadable or self._differs)

    @property
    def unreadable(self) -> bool:
        """Whether a leaf or a checkpointable cannot be read on a side, and so not be compared."""
        of_leaves = any(UNREADABLE in change.what for change in self.changed)
        return of_leaves or any(UNREADABLE in pair.what for pair in self.checkpointables)

    @property
    def undecided(self) -> bool:
        """Whether nothing is known to differ, but something is unreadable."""
        return self.unreadable and not self._differs

    @property
    def _differs(self) -> bool:
        what = chain(
            (change.what for change in self.changed),
            (pair.what for pair in self.checkpointables),
        )
        known = any(word != UNREADABLE for words in what for word in words)
        return known or bool(self.added or self.removed or self.containers)

    def __bool__(self) -> bool:
        return not self.same

    def __str__(self) -> str:
        from orbscan.differing.text import report

        return "\n".join(report(self))

    def _repr_html_(self) -> str:
        """Show the same in a notebook; at most 200 kB."""
        from orbscan.model.notebook import report_html

        return report_html(str(self))

    def __repr__(self) -> str:
        return f"<Diff of {self.a} and {self.b}: {', '.join(self.summary())}>"

    def to_dict(self) -> dict[str, object]:
        """Compose the document that `orbscan diff -o json` prints, of values for `json.dumps`."""
        from orbscan.differing.document import document

        return document(self)

    def summary(self) -> Iterator[str]:
        """Count what differs: `2 changed leaves`, `1 added leaf`; `no difference` if nothing."""
        for word in ("changed", "removed", "added"):
            found = getattr(self, word)
            if found:
                yield counted(len(found), f"{word} leaf", f"{word} leaves")
        if self.containers:
            yield counted(len(self.containers), "changed container")
        for word, shown in _SHOWN.items():
            count = sum(word in pair.what for pair in self.checkpointables)
            if count:
                yield counted(count, *(form.format("checkpointable") for form in shown))
        if self.same:
            yield "no difference"


_SHOWN = {
    "removed": ("removed {}", "removed {}s"),
    "added": ("added {}", "added {}s"),
    "name": ("{} of another name", "{}s of another name"),
    "kind": ("{} of another kind", "{}s of another kind"),
    UNREADABLE: ("unreadable {}", "unreadable {}s"),
}
