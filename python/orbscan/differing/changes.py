"""What can differ between two sides, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from orbscan.showing.keypaths import keypath, leaf_path
from orbscan.showing.text import checkpointable

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import Keypath
    from orbscan.differing.amount import Amount, Compared
    from orbscan.differing.leaf import LeafSummary
    from orbscan.differing.side import Side

UNREADABLE = "unreadable"


class Checkpointable(NamedTuple):
    """One checkpointable of a side.

    Attributes:
        name: None for a tree that has none.
        is_pytree: whether it is a pytree, readable or not. Other checkpointables are not examined.
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
            `kind` if only one of them is a pytree, `unreadable` if one of them cannot be read,
            `values` if they are not pytrees and their files differ.
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
    """A checkpointable that was not compared, because another one was chosen.

    Attributes:
        side: `a` or `b`.
        name: None for the tree of a checkpoint itself.
        is_pytree: whether it is a pytree; None if the file system denies access.
    """

    side: str
    name: str | None
    is_pytree: bool | None


class Place(NamedTuple):
    """A subtree or leaf of a side.

    Attributes:
        checkpointable: the name of its tree.
        keypath: its keypath there; () for the whole tree.
    """

    checkpointable: str | None
    keypath: Keypath

    @property
    def path(self) -> str:
        """The keypath as text, as `orbscan show` prints it."""
        return keypath(self.keypath)

    def __str__(self) -> str:
        return leaf_path(self.checkpointable, self.keypath)


class LeafAt(NamedTuple):
    """A leaf that only one of the sides has.

    Attributes:
        checkpointable: the name of its tree.
        keypath: its keypath there.
        leaf: what it is.
    """

    checkpointable: str | None
    keypath: Keypath
    leaf: LeafSummary

    @property
    def path(self) -> str:
        """The keypath as text, as `orbscan show` prints it."""
        return keypath(self.keypath)


class LeafChange(NamedTuple):
    """A leaf that both sides have, and that differs.

    Attributes:
        checkpointable: the name of its tree, on the first side.
        keypath: its keypath there.
        what: what differs: `kind`, `shape`, `dtype`, `sharding`, `devices`, `storage`, `values`;
            and `unreadable`, if one of the two cannot be read, or values that were to be compared
            could not be.
        before: what it is on the first side.
        after: what it is on the second side.
        values: by how much its values differ, or why they were not compared; None if they were not
            to be compared, or cannot be, such as those of two shapes.
    """

    checkpointable: str | None
    keypath: Keypath
    what: tuple[str, ...]
    before: LeafSummary
    after: LeafSummary
    values: Amount | None = None

    @property
    def path(self) -> str:
        """The keypath as text, as `orbscan show` prints it."""
        return keypath(self.keypath)


class ContainerChange(NamedTuple):
    """A container that both sides have, of different kinds.

    Attributes:
        checkpointable: the name of its tree, on the first side.
        keypath: its keypath there.
        before: what it is there: `dict`, `list`, `tuple` or `namedtuple`.
        after: what it is on the second side.
    """

    checkpointable: str | None
    keypath: Keypath
    before: str
    after: str

    @property
    def path(self) -> str:
        """The keypath as text, as `orbscan show` prints it."""
        return keypath(self.keypath)


class Rename(NamedTuple):
    """A subtree that only the first side has, and that may have been renamed on the second.

    Both have the same structure, kinds of leaves, shapes and element types. They lie in two trees
    that were compared with each other, or are the whole trees of two checkpointables.

    Attributes:
        before: where it is on the first side.
        after: where it is on the second side.
        leaves: how many leaves it has.
        rule: the rule that explains it, as text; None if none does.
    """

    before: Place
    after: Place
    leaves: int
    rule: str | None = None

    def __str__(self) -> str:
        if self.is_whole:
            names = (place.checkpointable for place in (self.before, self.after))
            return " -> ".join(map(checkpointable, names))
        return f"{self.before.path} -> {self.after.path}"

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole checkpointable."""
        return not (self.before.keypath or self.after.keypath)


class Rule(NamedTuple):
    """One edit of keypaths that explains many renames within a checkpointable.

    In its texts X, Y and Z stand for what stays, `{n}` for a number.

    Attributes:
        checkpointable: the name of the tree, on the first side.
        before: what is edited: `X/value`.
        after: what becomes of it: `X`.
        explains: how many renames it explains.
        of: how many there are in the tree.
    """

    checkpointable: str | None
    before: str
    after: str
    explains: int
    of: int

    def __str__(self) -> str:
        return f"{self.before} -> {self.after}"


class AmbiguousRename(NamedTuple):
    """Subtrees that are all equal, and whose places do not determine which was renamed to which.

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
class Differences:
    """The data of a `Diff`, without its texts."""

    a: str
    b: str
    checkpointables: tuple[CheckpointablePair, ...]
    added: tuple[LeafAt, ...]
    removed: tuple[LeafAt, ...]
    changed: tuple[LeafChange, ...]
    containers: tuple[ContainerChange, ...]
    renamed: tuple[Rename, ...]
    rules: tuple[Rule, ...]
    ambiguous: tuple[AmbiguousRename, ...]
    unchanged: int
    ignored: frozenset[str]
    others: tuple[Other, ...]
    notes: tuple[str, ...]
    values: Compared | None = None
    param: str | None = None
    _sides: tuple[Side, Side] | None = field(default=None, repr=False, compare=False)

    @property
    def same(self) -> bool:
        """Whether nothing differs, and everything that was to be compared could be read."""
        return not (self.unreadable or self._differs)

    @property
    def unreadable(self) -> bool:
        """Whether a leaf or a checkpointable cannot be read on a side, and was not compared."""
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
