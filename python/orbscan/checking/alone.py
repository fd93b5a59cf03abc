"""One checkpointable that was checked alone, and the others, which were not.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple

from orbscan._imports import importing
from orbscan.reading import api
from orbscan.showing.text import checkpointable
from orbscan.showing.text import others as shown_others

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from orbscan import _core
    from orbscan.aliases import Name

    T = TypeVar("T")


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


def asked_alone(
    ask: Callable[[Any, str, tuple[str | None] | None], T], path: str, name: Name
) -> tuple[str, T]:
    """Ask the extension module about a checkpoint, or one checkpointable of it.

    Args:
        ask: takes the module, the path, and what `only` gives.
        path: of the checkpoint, or for the name None of a pytree in one.
        name: as for `only`.

    Returns:
        the path of the checkpoint, and the answer.

    Raises as `ask` does, and as `only`.
    """
    wanted = only(name)
    with importing:
        from orbscan import _core

    if name is not None:
        return path, ask(_core, path, wanted)
    return api.within_checkpoint(lambda path, name: ask(_core, path, (name,)), path, None)


def alone(answer: _core.Alone | None) -> Alone | None:
    """Make the value from an answer of the extension module."""
    if answer is None:
        return None
    name, others = answer
    return Alone(name, tuple(Other(*other) for other in others))
