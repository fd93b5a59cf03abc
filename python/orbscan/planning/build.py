"""From the leaves of a checkpoint and a mesh to a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.planning.fit import MeshMismatchError, fit
from orbscan.planning.mesh import Mesh, make_mesh
from orbscan.planning.notes import notes
from orbscan.planning.plan import RestorePlan
from orbscan.planning.tally import Cost, Grid, whole
from orbscan.planning.value import DevicePlan, HostPlan, LeafPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.aliases import Keypath
    from orbscan.planning.array import Array
    from orbscan.planning.fit import Problem, Split

_SHOWN_MESHES = 5
_UNPLACED = frozenset({"single", "positional", "unknown"})


def build(
    leaves: Sequence[tuple[Keypath, Array]],
    mesh: object,
    *,
    devices_per_host: int | None = None,
    hosts: int | None = None,
    unreadable: int = 0,
) -> RestorePlan:
    """Compute a plan.

    Args:
        leaves: the keypath and the array of each leaf, in the order of the tree.
        mesh: in any form that `restore_plan` accepts; None for that of the checkpoint.
        devices_per_host: the number of devices of each host.
        hosts: the number of hosts.
        unreadable: the number of leaves whose metadata cannot be read.

    Raises:
        MeshMismatchError: a leaf does not fit the mesh.
        ShardingError: the mesh, given or saved, has too many axes or devices for a plan.
        ValueError, TypeError: mesh, devices_per_host and hosts do not describe one.
    """
    times: dict[Array, int] = {}
    for _, array in leaves:
        times[array] = times.get(array, 0) + 1
    target = make_mesh(_saved_mesh(times) if mesh is None else mesh, devices_per_host, hosts)
    splits = _splits(leaves, target)
    grids: dict[Split, Grid] = {}
    costs: dict[Array, Cost] = {}
    for array, count in times.items():
        split = splits.get(array)
        if split is None:
            costs[array] = whole(array, target.hosts)
            continue
        axes = tuple(filter(None, split))
        if axes not in grids:
            grids[axes] = Grid(target, axes)
        costs[array] = grids[axes].add(array, split, count)
    everywhere = [(costs[array], count) for array, count in times.items() if array not in splits]
    return RestorePlan(
        mesh=target,
        devices=_devices(target, grids),
        hosts=_hosts(target, grids, everywhere),
        leaves=tuple(LeafPlan(keypath, *costs[array].fields()) for keypath, array in leaves),
        unplaced=sum(
            count * array.nbytes for array, count in times.items() if array.origin in _UNPLACED
        ),
        notes=tuple(notes(times, target, unreadable)),
    )


def _saved_mesh(arrays: dict[Array, int]) -> dict[str, int]:
    """The one mesh from which all arrays with a named sharding were saved.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = {array.saved_axes for array in arrays if array.origin == "named"}
    if len(found) != 1:
        shown = sorted(str(Mesh(axes)) for axes in found)
        more = ["..."] if len(shown) > _SHOWN_MESHES else []
        named = "; ".join([*shown[:_SHOWN_MESHES], *more]) or "none"
        message = f"specify a mesh; the checkpoint names {named}"
        raise ValueError(message)
    return dict(found.pop())


def _splits(leaves: Sequence[tuple[Keypath, Array]], mesh: Mesh) -> dict[Array, Split]:
    """Which axes split the dimensions of each array with a named sharding.

    Raises:
        MeshMismatchError: with the problems of all leaves.
    """
    found: dict[Array, tuple[Split, list[Problem]]] = {}
    problems: list[Problem] = []
    for keypath, array in leaves:
        if array.origin != "named":
            continue
        if array not in found:
            found[array] = fit(keypath, array, mesh)
        problems += [problem._replace(keypath=keypath) for problem in found[array][1]]
    if problems:
        raise MeshMismatchError(str(mesh), tuple(problems))
    return {array: split for array, (split, _) in found.items()}


def _devices(mesh: Mesh, grids: dict[Split, Grid]) -> tuple[DevicePlan, ...]:
    sums = _sums(mesh.devices, [grid.of_devices() for grid in grids.values()])
    return tuple(
        DevicePlan(number, mesh.coordinates(number), number // mesh.devices_per_host, held, read)
        for number, (held, read) in enumerate(sums)
    )


def _hosts(
    mesh: Mesh, grids: dict[Split, Grid], everywhere: list[tuple[Cost, int]]
) -> tuple[HostPlan, ...]:
    also_held = sum(cost.held * count for cost, count in everywhere)
    also_read = sum(cost.read_max * count for cost, count in everywhere)
    sums = _sums(mesh.hosts, [grid.of_hosts() for grid in grids.values()])
    return tuple(
        HostPlan(number, held + also_held, read + also_read)
        for number, (held, read) in enumerate(sums)
    )


def _sums(number: int, columns: list[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Sum up columns of pairs, row by row."""
    if not columns:
        return [(0, 0)] * number
    return [
        (sum(held for held, _ in row), sum(read for _, read in row))
        for row in zip(*columns, strict=True)
    ]
