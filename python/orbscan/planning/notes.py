"""The notes of a plan, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.showing.text import counted, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orbscan.planning.array import Array
    from orbscan.planning.mesh import Mesh

_HELD_WHOLE = {
    "single": "saved from a single device",
    "positional": "with a positional sharding, which jax no longer has",
    "unknown": "of jax without a known sharding",
    "numpy": "of numpy",
    "scalar": "of one number",
}


def notes(arrays: Mapping[Array, int], mesh: Mesh, unreadable: int) -> Iterator[str]:
    """Say which arrays are held as a whole, and how the mesh differs from that of the checkpoint.

    Args:
        arrays: the distinct arrays, and how often each occurs; they fit the mesh.
        mesh: the devices.
        unreadable: the number of leaves whose metadata cannot be read.
    """
    for origin, words in _HELD_WHOLE.items():
        counts = [(count, array) for array, count in arrays.items() if array.origin == origin]
        if counts:
            leaves = counted(sum(count for count, _ in counts), "leaf", "leaves")
            nbytes = size(sum(count * array.nbytes for count, array in counts))
            yield f"{leaves} {words}, {nbytes}: read and held whole by each host"
    named = [array for array in arrays if array.origin == "named"]
    yield from _axes(named, mesh)
    if unreadable:
        yield f"not counted: {counted(unreadable, 'leaf', 'leaves')} without readable metadata"


def _axes(named: list[Array], mesh: Mesh) -> Iterator[str]:
    wanted = {axis for array in named for axes in array.spec for axis in axes}
    saved: dict[str, set[int]] = {}
    for axis, length in {pair for array in named for pair in array.saved_axes}:
        saved.setdefault(axis, set()).add(length)
    lengths = dict(mesh.axes)
    for axis in sorted(wanted - lengths.keys()):
        yield f"axis {axis!r} is not in the mesh; it had one device, so nothing is lost"
    for axis, length in mesh.axes:
        before = saved.get(axis, {length}) if axis in wanted else set()
        if axis not in wanted and length > 1:
            yield f"axis {axis!r} does not split any array: its {length} devices hold copies"
        elif before - {length}:
            shown = " or ".join(map(str, sorted(before)))
            yield f"axis {axis!r} has {counted(length, 'device')}; it had {shown} at the save"
