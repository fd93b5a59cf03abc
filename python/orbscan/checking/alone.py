"""One checkpointable that was checked alone, and the others, which were not.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

from orbscan.reading import api
from orbscan.showing.text import checkpointable
from orbscan.showing.text import others as shown_others

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import Name


class Other(NamedTuple):
    """A checkpointable that was not checked.

    Attributes:
        name: None for the tree of the checkpoint itself.
        is_pytree: None if the file system denies access.
    """

    name: str | None
    is_pytree: bool | None


class Alone(NamedTuple):
    """The checkpointable that was checked alone.

    Attributes:
        name: its name; None for the tree of the checkpoint itself.
        others: those that were not checked, about which nothing is said.
    """

    name: str | None
    others: tuple[Other, ...]

    def __str__(self) -> str:
        """Show which one it was.

        >>> str(Alone("params", ()))
        'params alone'
        """
        return f"{checkpointable(self.name)} alone"

    def shown_others(self) -> str:
        """Show the names of the others."""
        return shown_others(self.others)

    def to_dict(self) -> dict[str, object]:
        """Convert it to values for `json.dumps`."""
        others = [other._asdict() for other in self.others]
        return {"checkpointable": self.name, "others": others}


def only(name: Name) -> tuple[str | None] | None:
    """Return the single checkpointable as the extension module takes it; None for all.

    Raises as `api.check_name` does.

    >>> only("params"), only(None), only(...)
    (('params',), (None,), None)
    """
    if name is ...:
        return None
    api.check_name(name)
    return (name,)


def alone(answer: _core.Alone | None) -> Alone | None:
    """Make the value from an answer of the extension module."""
    if answer is None:
        return None
    name, others = answer
    return Alone(name, tuple(Other(*other) for other in others))
