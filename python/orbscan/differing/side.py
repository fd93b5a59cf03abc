"""A side of a comparison: a checkpoint with its checkpointables, or a tree alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.differing.outline import Outline


class Item(NamedTuple):
    """One checkpointable.

    Attributes:
        name: None for a tree that has none.
        outline: its tree; None if it is not a pytree, or cannot be read.
        error: why its tree cannot be read.
        origin: where its values are: the table of a read, or the nodes of a tree in memory in the
            order of the outline. None if there are no values.
    """

    name: str | None
    outline: Outline | None
    error: _core.Issue | None = None
    origin: Any = None

    @property
    def is_pytree(self) -> bool:
        """Whether it is a pytree, readable or not."""
        return self.outline is not None or self.error is not None


class Side(NamedTuple):
    """One side of a comparison.

    Attributes:
        shown: its name in a text.
        items: its checkpointables.
        chosen: whether there is only one because it was chosen, or is a tree in memory. Its name
            then makes no difference.
        others: the names of those that were not chosen, and whether they are pytrees.
        issues: the faults that were tolerated when it was read.
        path: the path of a checkpoint; None for a tree in memory.
    """

    shown: str
    items: tuple[Item, ...]
    chosen: bool
    others: tuple[tuple[str | None, bool | None], ...] = ()
    issues: tuple[_core.Issue, ...] = ()
    path: str | None = None

    def described(self) -> Side:
        """Return it without the values of a tree in memory, which a result must not keep alive."""
        if self.path is not None:
            return self
        return self._replace(items=tuple(item._replace(origin=None) for item in self.items))
