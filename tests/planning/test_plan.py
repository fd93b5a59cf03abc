"""The restore plan, against brute force and against what jax says of its own shardings."""

from __future__ import annotations

import itertools
import pickle
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import orbscan
from orbscan import errors
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, StorageMetadata, UnreadableLeaf
from orbscan.model.sharding import (
    NamedShardingMetadata,
    PositionalShardingMetadata,
    ShardingError,
    SingleDeviceShardingMetadata,
)
from orbscan.planning.api import MeshMismatchError, Problem, RestorePlan, restore_plan
from orbscan.planning.array import Array
from orbscan.planning.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOAT32 = np.dtype("float32")


def named(
    shape: tuple[int, ...],
    spec: tuple[Any, ...],
    *,
    chunk_shape: tuple[int, ...] | None = None,
    saved: dict[str, int] | None = None,
) -> ArrayMetadata:
    saved = {"x": 2, "y": 2} if saved is None else saved
    sharding = NamedShardingMetadata(tuple(saved.values()), tuple(saved), spec)
    return ArrayMetadata(shape, FLOAT32, sharding, StorageMetadata(chunk_shape))


def held_and_read(plan: RestorePlan) -> list[tuple[int, int]]:
    return [(device.held, device.read) for device in plan.devices]


# --- against brute force -----------------------------------------------------------------------


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, int], int, list[Array]]:
    """A mesh, a number of hosts, and arrays that fit it."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    mesh = {f"a{number}": length for number, length in enumerate(lengths)}
    devices = prod(lengths)
    hosts = draw(st.sampled_from([n for n in range(1, devices + 1) if devices % n == 0]))
    return mesh, hosts, draw(st.lists(arrays(mesh), min_size=1, max_size=3))


@st.composite
def arrays(draw: st.DrawFn, mesh: dict[str, int]) -> Array:
    rank = draw(st.integers(0, 3))
    unused = draw(st.permutations(list(mesh)))
    spec: list[tuple[str, ...]] = []
    shape: list[int] = []
    for _ in range(rank):
        axes = tuple(unused.pop() for _ in range(draw(st.integers(0, min(2, len(unused))))))
        spec.append(axes)
        shape.append(draw(st.integers(0, 5)) * prod(mesh[axis] for axis in axes))
    chunk = draw(st.none() | st.tuples(*[st.integers(1, 9)] * rank))
    # The end of a spec may be left out.
    shown = draw(st.integers(0, rank)) if not any(spec) else rank
    return Array(tuple(shape), 4, chunk, "named", tuple(spec[:shown]), tuple(mesh.items()))


def parts(array: Array, mesh: dict[str, int]) -> Iterator[tuple[range, ...]]:
    """The elements that each device holds, along each dimension."""
    names = list(mesh)
    for place in itertools.product(*map(range, mesh.values())):
        held = []
        for dimension, length in enumerate(array.shape):
            axes = array.spec[dimension] if dimension < len(array.spec) else ()
            count, number = 1, 0
            for axis in axes:
                number = number * mesh[axis] + place[names.index(axis)]
                count *= mesh[axis]
            part = length // count
            held.append(range(number * part, (number + 1) * part))
        yield tuple(held)


def touched(array: Array, part: tuple[range, ...]) -> set[tuple[int, ...]]:
    """The chunks that hold any element of a part: found by asking every element."""
    pairs = zip(part, array.chunk, strict=True)
    return set(itertools.product(*[{at // chunk for at in held} for held, chunk in pairs]))


@given(cases())
def test_the_plan_is_that_of_brute_force(case: tuple[dict[str, int], int, list[Array]]) -> None:
    mesh, hosts, found = case
    plan = build([((at,), array) for at, array in enumerate(found)], mesh, hosts=hosts)
    devices = prod(mesh.values())
    held = [0] * devices
    read = [0] * devices
    host_read = [0] * hosts
    for array, leaf in zip(found, plan.leaves, strict=True):
        chunks: list[set[tuple[int, ...]]] = []
        for device, part in enumerate(parts(array, mesh)):
            chunks.append(touched(array, part))
            held[device] += prod(map(len, part)) * array.itemsize
            read[device] += len(chunks[-1]) * array.chunk_nbytes
        each = devices // hosts
        for host in range(hosts):
            distinct = set().union(*chunks[host * each : (host + 1) * each])
            host_read[host] += len(distinct) * array.chunk_nbytes
        reads = [len(some) * array.chunk_nbytes for some in chunks]
        assert (leaf.read, leaf.read_min, leaf.read_max) == (sum(reads), min(reads), max(reads))
        assert leaf.held * devices == leaf.nbytes * leaf.copies
    assert held_and_read(plan) == list(zip(held, read, strict=True))
    assert [host.read for host in plan.hosts] == host_read
    assert sum(host.held for host in plan.hosts) == sum(held)


def test_hosts_that_do_not_hold_a_box_are_counted_exactly() -> None:
    # Host 0 has the devices (0, 0), (0, 1), (0, 2), (1, 0): no box of the 4 x 3 mesh.
    array = Array((8, 6), 1, (3, 4), "named", (("x",), ("y",)), (("x", 4), ("y", 3)))
    plan = build([(("a",), array)], {"x": 4, "y": 3}, devices_per_host=4)
    # The first row lies in the chunks (0, 0) and (0, 1); (1, 0) adds the chunk (1, 0).
    assert plan.hosts[0].read == 3 * 12


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((8, 16), ("x", "y")),
        ((8, 16), ("y", "x")),
        ((8, 16), (("x", "y"), None)),
        ((8, 16), (None, ("y", "x"))),
        ((8, 16), ("y",)),
        ((8, 16), ()),
        ((), ()),
        ((0, 8), ("x", "y")),
    ],
)
def test_what_is_held_is_what_jax_says(shape: tuple[int, ...], spec: tuple[Any, ...]) -> None:
    import jax

    mesh = jax.sharding.Mesh(np.array(jax.devices()[:8]).reshape(4, 2), ("x", "y"))
    partition = jax.sharding.PartitionSpec(*spec)
    sharding = jax.sharding.NamedSharding(mesh, partition)
    # Chunks of one element, so that what is read tells which elements a device holds.
    plan = restore_plan({"a": named(shape, spec, chunk_shape=(1,) * len(shape))}, mesh)
    by_device = sharding.devices_indices_map(shape)
    held = [
        prod(len(range(*each.indices(length))) for each, length in zip(at, shape, strict=True)) * 4
        for at in (by_device[device] for device in mesh.devices.flat)
    ]
    assert held_and_read(plan) == [(nbytes, nbytes) for nbytes in held]


def test_joint_axes_are_ordered_as_in_jax() -> None:
    # Chunks of 5 elements lie unevenly, so that each order of the axes gives other reads.
    import jax

    mesh = jax.sharding.Mesh(np.array(jax.devices()[:8]).reshape(4, 2), ("x", "y"))
    spec = jax.sharding.PartitionSpec(("y", "x"))
    indices = jax.sharding.NamedSharding(mesh, spec).devices_indices_map((16,))
    plan = restore_plan({"a": named((16,), (("y", "x"),), chunk_shape=(5,))}, mesh)
    expected = []
    for device in mesh.devices.flat:
        (held,) = indices[device]
        expected.append(len({at // 5 for at in range(*held.indices(16))}) * 20)
    assert [device.read for device in plan.devices] == expected


# --- meshes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "mapping", "jax", "abstract", "orbscan"])
def test_a_mesh_can_be_given_in_every_form(form: str) -> None:
    import jax

    forms: dict[str, Any] = {
        "text": " x = 4, y=2",
        "mapping": {"x": 4, "y": np.int64(2)},
        "jax": jax.sharding.Mesh(np.array(jax.devices()[:8]).reshape(4, 2), ("x", "y")),
        "abstract": jax.sharding.AbstractMesh((4, 2), ("x", "y")),
        "orbscan": NamedShardingMetadata((4, 2), ("x", "y"), ()),
    }
    plan = restore_plan({"a": named((8, 8), ("x", "y"))}, forms[form])
    assert plan.mesh.axes == (("x", 4), ("y", 2))
    assert [device.coordinates for device in plan.devices][:3] == [(0, 0), (0, 1), (1, 0)]


def test_without_a_mesh_that_of_the_checkpoint_is_taken() -> None:
    assert restore_plan({"a": named((8, 8), ("x",))}).mesh.axes == (("x", 2), ("y", 2))


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        ("", "is not a mesh such as"),
        ("x", "is not a mesh such as"),
        ("x=2,", "is not a mesh such as"),
        ("x=-2", "is not a mesh such as"),
        ("x=2,x=2", "axis 'x' of the mesh is named twice"),
        ({"x": 0}, "axis 'x' of the mesh has 0 devices"),
    ],
)
def test_what_is_no_mesh_is_refused(mesh: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        restore_plan({}, mesh)


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        ({"x": 1_000, "y": 101}, "a mesh of 101000 devices: at most 100000 are possible"),
        ({"x": 2**31}, "a mesh of 2147483648 devices"),
        ({"x": 10**4_299, "y": 10}, "a mesh of 1000000000000000000 or more devices"),
        ({f"a{number}": 1 for number in range(20_000)}, "a mesh of 20000 axes"),
    ],
)
@pytest.mark.parametrize("form", ["mapping", "text", "saved"])
def test_a_mesh_too_large_for_a_plan_is_refused(mesh: Any, message: str, form: str) -> None:
    saved = mesh if form == "saved" else {"x": 1}
    given = ",".join(f"{name}={length}" for name, length in mesh.items())
    forms = {"mapping": mesh, "text": given, "saved": None}
    with pytest.raises(ShardingError, match=message):
        restore_plan({"a": named((8,), ("x",), saved=saved)}, forms[form])


def test_a_number_too_long_for_python_is_refused_as_a_mesh_too_large() -> None:
    with pytest.raises(ShardingError, match="1000000000000000000 or more devices"):
        restore_plan({}, "x=" + "9" * 5_000)


@pytest.mark.parametrize("mesh", [3, {"x": "2"}, object()])
def test_a_mesh_of_another_type_is_refused(mesh: Any) -> None:
    with pytest.raises(TypeError, match=r"mesh must be|length of an axis must be"):
        restore_plan({}, mesh)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({}, "the checkpoint names none"),
        (
            [named((8,), ("x",)), named((8,), ("x",), saved={"x": 4})],
            "the checkpoint names x=2,y=2; x=4",
        ),
    ],
)
def test_a_mesh_must_be_given_if_the_checkpoint_names_none(tree: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        restore_plan(tree)


@pytest.mark.parametrize(
    ("options", "hosts"),
    [
        ({}, 1),
        ({"devices_per_host": 2}, 4),
        ({"hosts": 2}, 2),
        ({"hosts": 4, "devices_per_host": 2}, 4),
    ],
)
def test_devices_are_shared_out_over_hosts(options: dict[str, int], hosts: int) -> None:
    plan = restore_plan({}, "x=8", **options)
    assert len(plan.hosts) == hosts
    assert [device.host for device in plan.devices] == [n * hosts // 8 for n in range(8)]


@pytest.mark.parametrize(
    "options",
    [
        {"devices_per_host": 3},
        {"devices_per_host": 0},
        {"devices_per_host": 16},
        {"hosts": 3},
        {"hosts": 0},
        {"hosts": 2, "devices_per_host": 2},
    ],
)
def test_devices_that_cannot_be_shared_out_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="cannot be divided evenly"):
        restore_plan({}, "x=8", **options)


# --- what does not fit -------------------------------------------------------------------------


def test_every_leaf_that_does_not_fit_is_named() -> None:
    tree = {
        "a": named((8, 6), ("x", "y")),
        "b": [named((6, 8), ("x", ("y", "z")), saved={"x": 2, "y": 2, "z": 2})],
        "c": named((8, 6), ("x", "y")),
        "fine": named((8, 8), ("x", "y")),
    }
    with pytest.raises(MeshMismatchError) as caught:
        restore_plan(tree, "x=4,y=4")
    assert caught.value.problems == (
        Problem(("a",), 1, ("y",), "6 is not divisible by 4 (y=4)"),
        Problem(("b", 0), 0, ("x",), "6 is not divisible by 4 (x=4)"),
        Problem(("b", 0), 1, ("z",), "the mesh lacks axis 'z'"),
        Problem(("c",), 1, ("y",), "6 is not divisible by 4 (y=4)"),
    )
    assert str(caught.value) == (
        "the checkpoint does not fit the mesh x=4,y=4:\n"
        "  a and 1 more leaf: dimension 1: 6 is not divisible by 4 (y=4)\n"
        "  b[0]: dimension 0: 6 is not divisible by 4 (x=4)\n"
        "  b[0]: dimension 1: the mesh lacks axis 'z'"
    )
    assert isinstance(caught.value, ValueError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (("x", "x"), "axis 'x' cannot split an array twice"),
        ((("x", "x"),), "axis 'x' cannot split an array twice"),
        ((None, None, "x"), "split by axis 'x', but the array has no such dimension"),
    ],
)
def test_a_damaged_spec_is_a_problem(spec: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(MeshMismatchError, match=reason):
        restore_plan({"a": named((8, 8), spec)}, "x=2,y=2")


def test_a_damaged_mesh_is_taken_as_far_as_it_goes() -> None:
    sharding = NamedShardingMetadata((2, 2), ("x",), ("x",))
    tree = {"a": ArrayMetadata((8,), FLOAT32, sharding)}
    assert restore_plan(tree).mesh.axes == (("x", 2),)


def test_a_spec_may_be_longer_than_the_shape_if_it_splits_nothing() -> None:
    plan = restore_plan({"a": named((8,), ("x", None, None))}, "x=2")
    assert plan.leaves[0].held == 16


def test_a_lost_axis_of_one_device_is_only_noted() -> None:
    plan = restore_plan({"a": named((8,), (("x", "z"),), saved={"x": 2, "z": 1})}, "x=2")
    assert plan.notes == ("axis 'z' is not in the mesh; it had one device, so nothing is lost",)


# --- what is held whole, replicated or read in vain --------------------------------------------


def test_what_has_no_named_sharding_is_held_whole_by_each_host() -> None:
    tree = {
        "numpy": NumpyMetadata((4,), FLOAT32),
        "positional": ArrayMetadata((2,), FLOAT32, PositionalShardingMetadata((2,))),
        "single": ArrayMetadata((3,), FLOAT32, SingleDeviceShardingMetadata("TPU_0")),
        "unknown": ArrayMetadata((1,), FLOAT32),
        "scalars": [0, 0.0, False, 0j],
        "others": ["string", None, {}, ()],
        "bad": UnreadableLeaf(errors.error("malformed", "why")),
    }
    plan = restore_plan(tree, "x=4", devices_per_host=2)
    assert [leaf.path for leaf in plan.leaves] == [
        *("numpy", "positional", "single", "unknown"),
        *("scalars[0]", "scalars[1]", "scalars[2]", "scalars[3]"),
    ]
    assert {(leaf.on, leaf.copies) for leaf in plan.leaves} == {("host", 2)}
    assert plan.nbytes == 16 + 8 + 12 + 4 + 33
    assert [(host.held, host.read) for host in plan.hosts] == [(73, 73)] * 2
    assert held_and_read(plan) == [(0, 0)] * 4
    assert plan.unplaced == plan.device_memory == 24
    assert plan.replicated == 0.0
    whole = "read and held whole by each host"
    assert plan.notes == (
        f"1 leaf saved from a single device, 12 B: {whole}",
        f"1 leaf with a positional sharding, which jax no longer has, 8 B: {whole}",
        f"1 leaf of jax without a known sharding, 4 B: {whole}",
        f"1 leaf of numpy, 16 B: {whole}",
        f"4 leaves of one number, 33 B: {whole}",
        "axis 'x' does not split any array: its 4 devices hold copies",
        "not counted: 1 leaf without readable metadata",
    )


def test_copies_are_counted() -> None:
    tree = {"all": named((8,), ()), "half": named((8,), ("x",)), "none": named((8,), (("x", "y"),))}
    plan = restore_plan(tree, "x=2,y=4")
    assert [(leaf.copies, leaf.held) for leaf in plan.leaves] == [(8, 32), (4, 16), (1, 4)]
    assert plan.replicated == pytest.approx(1 - 3 / 13)


def test_the_worst_reads_come_first() -> None:
    tree = {
        "exact": named((8, 8), ("x", None), chunk_shape=(4, 8)),
        "double": named((8, 8), ("x", None), chunk_shape=(8, 8)),
        "worst": named((80, 8), ("x", None), chunk_shape=(80, 8)),
    }
    plan = restore_plan(tree, "x=2")
    assert [(leaf.path, leaf.amplification) for leaf in plan.amplified()] == [
        ("worst", 2.0),
        ("double", 2.0),
    ]
    assert len(plan.amplified(limit=1)) == 1
    # Both devices of the host need the same chunks.
    assert plan.hosts[0].read == plan.nbytes


def test_chunks_at_the_edge_are_read_whole() -> None:
    assert restore_plan({"a": named((5,), (), chunk_shape=(4,))}, "x=1").devices[0].read == 32


def test_empty_arrays_cost_nothing() -> None:
    plan = restore_plan({"a": named((0, 4), ("x", None), chunk_shape=(1, 4))}, "x=2")
    assert held_and_read(plan) == [(0, 0)] * 2
    assert plan.leaves[0].amplification == 1.0


def test_a_chunk_of_fewer_dimensions_is_that_of_a_structured_type() -> None:
    assert Array((8, 3), 4, (2,), "numpy").chunk == (2, 3)


# --- the value ---------------------------------------------------------------------------------


def tree() -> dict[str, Any]:
    return {
        "layers": [named((8, 4), ("x", None), chunk_shape=(8, 4)) for _ in range(2)],
        "scale": named((8,), ("y",), chunk_shape=(4,)),
        "step": 0,
        "host": NumpyMetadata((2,), FLOAT32),
    }


def test_the_report_shows_everything() -> None:
    assert str(restore_plan(tree(), "x=2,y=2", hosts=2)) == (
        "mesh       x=2,y=2: 4 devices on 2 hosts\n"
        "saved      5 leaves, 304 B\n"
        "restored   608 B held, 608 B read by all hosts together\n"
        "replicated 50.0% of what the devices hold are further copies\n"
        "\n"
        "              HELD   READ\n"
        "each device  144 B  272 B\n"
        "each host    304 B  304 B\n"
        "\n"
        "COPIES  ON       LEAVES  SAVED   HELD\n"
        "     2  devices       3  288 B  576 B\n"
        "     2  hosts         2   16 B   32 B\n"
        "\n"
        "READ MORE THAN HELD  LEAVES  HELD BY EACH  READ BY EACH  READ/HELD\n"
        "layers[0]                 2          64 B         128 B       2.00\n"
        "\n"
        "notes\n"
        "  1 leaf of numpy, 8 B: read and held whole by each host\n"
        "  1 leaf of one number, 8 B: read and held whole by each host"
    )


def test_hosts_with_the_same_load_share_a_line() -> None:
    array = named((24,), ("x",), chunk_shape=(5,), saved={"x": 6})
    text = str(restore_plan({"a": array}, "x=6", devices_per_host=1))
    assert "device, least  16 B  20 B\ndevice, mean   16 B  30 B\n" in text
    assert "HOST   HELD  READ\n0,4,5  16 B  20 B\n1..3   16 B  40 B\n" in text
    assert "20 B to 40 B" in text


def test_a_plan_is_a_value() -> None:
    plan = restore_plan(tree(), "x=2,y=2")
    assert plan == restore_plan(tree(), {"x": 2, "y": 2})
    assert hash(plan) == hash(restore_plan(tree(), "x=2,y=2"))
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301
    assert repr(plan) == "<RestorePlan of 5 leaves over x=2,y=2 on 1 host>"
    with pytest.raises(AttributeError):
        plan.mesh = None  # type: ignore[misc, assignment]


def test_metadata_and_their_tree_give_the_same_plan() -> None:
    from pathlib import Path

    whole = orbscan.CheckpointMetadata(Path("p"), metadata=tree())
    assert orbscan.restore_plan(whole, "x=2,y=2") == restore_plan(tree(), "x=2,y=2")


def test_a_tree_deeper_than_the_stack_is_planned() -> None:
    deep: Any = named((8,), ("x",))
    for _ in range(5_000):
        deep = [deep]
    assert restore_plan(deep, "x=2").nbytes == 32


@pytest.mark.parametrize("path", ["composite", Path("composite")])
def test_a_path_is_not_a_tree(path: str | Path) -> None:
    for take in (orbscan.restore_plan, orbscan.abstract_state, orbscan.to_orbax):
        with pytest.raises(TypeError, match="expected metadata, got the path 'composite'"):
            take(path)
