"""What only Orbax's older interface, V0, tells of a pytree beside its leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.model.value import Value, as_dataclass

if TYPE_CHECKING:
    from orbscan.aliases import Keypath


@as_dataclass
class SavedTree(Value, frozen=True, gc=False):
    """One pytree of a checkpoint.

    Attributes:
        name: of its checkpointable; None for the checkpoint itself.
        keypath: where it stands in what a read returns: empty, or its name alone.
        scalars: the types of those scalars of which Python's type does not tell them: by keypath
            within the tree the name of the dtype.
    """

    name: str | None
    keypath: Keypath
    scalars: tuple[tuple[Keypath, str], ...] = ()
