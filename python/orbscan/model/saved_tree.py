"""The parts of a pytree, besides its leaves, that only Orbax's older interface, V0, shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.model.value import Value, as_dataclass

if TYPE_CHECKING:
    from orbscan.aliases import Keypath


@as_dataclass
class SavedTree(Value, frozen=True, gc=False):
    """One pytree of a checkpoint.

    Attributes:
        name: the name of its checkpointable; None for the checkpoint itself.
        keypath: its position in the result of a read: empty, or only its name.
        scalars: the types of the scalars that a Python type does not determine: for each keypath in
            the tree the name of the dtype.
    """

    name: str | None
    keypath: Keypath
    scalars: tuple[tuple[Keypath, str], ...] = ()
