"""`orbscan plan`, over a stand-in for the extension module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orbscan.planning.api import restore_plan
from orbscan.reading.tree import assemble
from tests.support import tables
from tests.support.tables import array, checkpoint, numpy_array, scalar

if TYPE_CHECKING:
    from tests.cli.conftest import Command

XY = tables.named((2, 2), ("x", "y"), ("x", ("y",)))
TREE = {
    "layers": [array((8, 4), chunk_shape=(8, 2), sharding=XY) for _ in range(3)],
    "scale": array((8,), "bfloat16", sharding=tables.named((2, 2), ("x", "y"), ())),
    "key": array((2,), "uint32", prng_impl="threefry2x32", sharding=("single", "TPU_0")),
    "old": array((2,), sharding=("positional", (2,), None)),
    "bare": array((2,)),
    "host": numpy_array((3,), "int16"),
    "scalars": [scalar(dtype) for dtype in ("int8", "bfloat16", "bool", "complex64")],
    "others": [tables.STRING, tables.NONE, tables.EMPTY_DICT],
    "bad": tables.unreadable("why"),
}


def test_columns_and_tree_give_the_same_plan(plan: Command) -> None:
    shown = plan(checkpoint(TREE), "p", "--mesh", "x=4,y=2", "--devices-per-host", "4")
    expected = restore_plan(assemble(tables.table(TREE)), "x=4,y=2", devices_per_host=4)
    assert shown == (0, f"{expected}\n", "")


def test_the_document_shows_everything(plan: Command) -> None:
    rows = tables.named((2,), ("x",), ("x",))
    tree = {"w": [array((8, 4), chunk_shape=(8, 4), sharding=rows)], "n": numpy_array((2,))}
    arguments = ("--mesh", "x=2", "--hosts", "2", "--memory", "1kB")
    assert plan.document(checkpoint(tree), *arguments) == {
        "schema_version": 1,
        "path": "run/1000",
        "checkpointable": "state",
        "others": [],
        "param": None,
        "mesh": [{"axis": "x", "length": 2}],
        "devices_per_host": 1,
        "totals": {
            "leaves": 2,
            "nbytes": 136,
            "held": 144,
            "read": 272,
            "replicated": 0.0,
            "unplaced": 0,
        },
        "memory": {"nbytes": 1000, "most": 64, "fits": True},
        "devices": [
            {"number": 0, "coordinates": [0], "host": 0, "held": 64, "read": 128},
            {"number": 1, "coordinates": [1], "host": 1, "held": 64, "read": 128},
        ],
        "hosts": [
            {"number": 0, "held": 72, "read": 136},
            {"number": 1, "held": 72, "read": 136},
        ],
        "leaves": [
            {
                "keypath": ["w", 0],
                "nbytes": 128,
                "on": "device",
                "copies": 1,
                "held": 64,
                "read": 256,
                "read_min": 128,
                "read_max": 128,
                "amplification": 2.0,
            },
            {
                "keypath": ["n"],
                "nbytes": 8,
                "on": "host",
                "copies": 2,
                "held": 8,
                "read": 16,
                "read_min": 8,
                "read_max": 8,
                "amplification": 1.0,
            },
        ],
        "notes": ["1 leaf of numpy, 8 B: read and held whole by each host"],
    }


def test_without_memory_the_question_is_open(plan: Command) -> None:
    assert plan.document(checkpoint(TREE))["memory"] is None
    assert "memory" not in plan(checkpoint(TREE), "p").out


@pytest.mark.parametrize(
    ("memory", "status", "verdict"), [("90B", 1, "does not fit"), ("1MiB", 0, "fits")]
)
def test_too_little_memory_is_a_finding(
    plan: Command, memory: str, status: int, verdict: str
) -> None:
    shown = plan(checkpoint(TREE), "p", "--memory", memory)
    assert shown.status == status
    assert f"\nmemory     {verdict}: a device holds at most 136 B of " in shown.out


def test_a_mesh_that_does_not_fit_is_a_finding(plan: Command) -> None:
    evil = tables.named((2,), ("\x1b",), ("\x1b",))
    tree = {"a": array((6,), sharding=XY), "\x1b": array((6,), sharding=evil)}
    shown = plan(checkpoint(tree), "p", "--mesh", "x=4,y=1")
    assert shown == (
        1,
        "",
        (
            "orbscan: error: the checkpoint does not fit the mesh x=4,y=1:\n"
            "  a: dimension 0: 6 is not divisible by 4 (x=4)\n"
            "  a: dimension 1: split by axis 'y', but the array has no such dimension\n"
            "  '\\x1b': dimension 0: the mesh lacks axis '\\x1b'\n"
        ),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--mesh", "x"],
        ["--mesh", "x=0"],
        ["--mesh", "x=8", "--hosts", "3"],
        ["--mesh", "x=8", "--devices-per-host", "0"],
        ["--hosts", "-1"],
        ["--memory", "much"],
        ["--name", ""],
    ],
)
def test_wrong_use_is_told_apart(plan: Command, arguments: list[str]) -> None:
    shown = plan(checkpoint({"a": array((8,))}), "p", *arguments)
    assert (shown.status, shown.out) == (2, "")
    assert "error: " in shown.err


def test_a_checkpoint_without_a_mesh_needs_one(plan: Command) -> None:
    shown = plan(checkpoint({"a": array((8,))}), "p")
    assert shown.status == 2
    assert shown.err.startswith("orbscan: error: specify a mesh; the checkpoint names none")


def test_a_tolerated_fault_is_also_a_warning(plan: Command) -> None:
    issue = ("malformed", "state/_sharding", 12, False, "expected an object")
    shown = plan(checkpoint({"a": array((8,))}, issues=[issue]), "p", "--mesh", "x=2")
    assert shown.err == "orbscan: warning: state/_sharding, byte 12: expected an object\n"


@pytest.mark.parametrize("form", ["given", "saved"])
def test_a_mesh_too_large_for_a_plan_is_wrong_use(plan: Command, form: str) -> None:
    lengths = {"x": 2**31} if form == "saved" else {"x": 2}
    leaf = array((8,), sharding=tables.named(tuple(lengths.values()), tuple(lengths), ("x",)))
    mesh = ("--mesh", "x=2147483648") if form == "given" else ()
    status, out, told = plan(checkpoint({"w": leaf}), "p", *mesh)
    assert (status, out) == (2, "")
    assert "a mesh of 2147483648 devices: at most 100000 are possible" in told


def test_an_array_split_by_very_many_axes_is_refused_by_name(plan: Command) -> None:
    names = tuple(f"a{number}" for number in range(20_000))
    leaf = array((8,), sharding=tables.named((1,) * 20_000, names, (names * 2,)))
    status, _, told = plan(checkpoint({"w": leaf}), "p", "--mesh", "x=2")
    assert status == 1
    assert "'a19999' cannot split an array twice" in told
