"""Which meshes are too large for arrays."""

from __future__ import annotations

from math import prod

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection

MAX_AXES = 64
"""The maximum number of dimensions of a numpy array, which holds the devices of a mesh."""

MAX_DEVICES = 2**31 - 1
"""The maximum number of devices that jax can count."""

MANY = 10**18
"""Beyond this the exact number does not matter; Python does not print numbers of any length."""


def objection(lengths: Collection[int], most: int = MAX_DEVICES) -> str | None:
    """Say why a mesh is too large; None if it is not.

    Args:
        lengths: the lengths of the axes, in devices.
        most: the maximum number of devices.

    >>> objection((4, 2)), objection((3, 2**40))
    (None, 'a mesh of 3298534883328 devices: at most 2147483647 are possible')
    """
    if len(lengths) > MAX_AXES:
        return f"a mesh of {len(lengths)} axes: at most {MAX_AXES} are possible"
    devices = prod(lengths)
    if devices <= most:
        return None
    shown = devices if devices < MANY else f"{MANY} or more"
    return f"a mesh of {shown} devices: at most {most} are possible"
