"""`orbscan show`, over a stand-in for the extension module."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from orbscan import errors
from orbscan.cli import main
from orbscan.model.dtypes import dtype_named
from orbscan.reading import facts as leaves
from orbscan.reading.tree import assemble
from orbscan.showing import keypaths, text
from tests.support import fake_core, processes, tables
from tests.support.tables import array, checkpoint, numpy_array, scalar

if TYPE_CHECKING:
    from subprocess import CompletedProcess

    from orbscan.aliases import ErrorKind
    from tests.cli.conftest import Command

NAMED = tables.named((4, 2), ("x", "y"), (("x", "y"), None), ids=tuple(range(8)))
ISSUE = ("malformed", "state/_sharding", 12, True, "expected an object")


class Point(NamedTuple):
    x: Any
    y: Any


TREE = {
    "params": {
        "dense": [
            {
                "kernel": array(
                    (64, 32),
                    chunk_shape=(16, 32),
                    write_shape=(32, 32),
                    sharding=NAMED,
                    zarr=(2, "<f4", (16, 32), ("zstd", 1), "C", "."),
                )
            }
        ],
        "scale": array((1024, 1024), "bfloat16", sharding=("single", "TPU_0")),
    },
    "key": array((3, 2), "uint32", prng_impl="threefry2x32"),
    "host": numpy_array((3,), "int16"),
    "step": scalar("int64"),
    "point": Point(tables.STRING, (tables.NONE, tables.EMPTY_DICT)),
    "bad": tables.unreadable("no dtype", "params.bad/.zarray", 7),
}

TABLE = """\
path       run/1000
layout     v1
stored     OCDBT: 4 arrays
           OCDBT, Zarr v2: 1 array
mesh       4x2 (x, y)
name       state
begun      2023-11-14 22:13:20.123456 UTC
committed  2023-11-14 22:13:21.500000 UTC
took       1.377 s
custom     {"note": "ü\\n", "x": NaN}

LEAF                    TYPE                  SHARDING             CHUNK           SIZE  NOTE
params/dense[0]/kernel  float32[64,32]        P(('x', 'y'), None)  [16,32]      8.0 KiB
params/scale            bfloat16[1024,1024]   TPU_0                [1024,1024]  2.0 MiB
key                     key<threefry2x32>[3]                       [3,2]           24 B
host                    int16[3]              numpy                [3]              6 B
step                    scalar int64                                                8 B
point/x                 string
point/y[0]              None
point/y[1]              {}
bad                     unreadable                                                       params.bad/.zarray, byte 7: no dtype

total      9 leaves, 1,050,624 parameters of 1,050,627 elements, 2.0 MiB
types      bfloat16: 1 leaf, 2.0 MiB
           float32: 1 leaf, 8.0 KiB
           key<threefry2x32>: 1 leaf, 24 B
           int64: 1 leaf, 8 B
           int16: 1 leaf, 6 B

issues
  malformed: state/_sharding, byte 12 of the decompressed body: expected an object
"""  # noqa: E501


def sound(tree: Any = TREE, **fields: Any) -> Any:
    return checkpoint(tree, **fields)


def full() -> Any:
    return sound(
        init_timestamp_nsecs=1_700_000_000_123_456_789,
        commit_timestamp_nsecs=1_700_000_001_500_000_000,
        custom_metadata='{"note": "\\u00fc\\n", "x": NaN}',
        issues=[ISSUE],
    )


def test_the_table_shows_everything(show: Command) -> None:
    shown = show(full(), "run/1000")
    assert shown.out == TABLE
    assert shown.err == ""
    assert shown.status == 0


def test_beside_json_a_tolerated_fault_is_also_a_warning(show: Command) -> None:
    shown = show(full(), "run/1000", "-o", "json")
    place = "state/_sharding, byte 12 of the decompressed body"
    assert shown.err == f"orbscan: warning: {place}: expected an object\n"
    assert shown.status == 0


def test_a_sound_checkpoint_gives_no_warning(show: Command) -> None:
    shown = show(sound(array((2,))), "p")
    assert shown.err == ""
    assert "issues" not in shown.out


def test_what_is_unknown_is_left_out(show: Command) -> None:
    assert show(checkpoint(array((2,)), name=None), "p").out == (
        "path       p\n"
        "layout     v1\n"
        "stored     OCDBT\n"
        "\n"
        "LEAF  TYPE        CHUNK  SIZE\n"
        ".     float32[2]  [2]     8 B\n"
        "\n"
        "total      1 leaf, 2 parameters, 8 B\n"
        "types      float32: 1 leaf, 8 B\n"
    )


def test_long_custom_metadata_are_cut(show: Command) -> None:
    out = show(sound(array((2,)), custom_metadata=json.dumps({"a": "b" * 1000})), "p").out
    (line,) = [line for line in out.splitlines() if line.startswith("custom")]
    assert line.endswith("bbb...")
    assert len(line) < 220


def test_control_characters_never_reach_the_terminal(show: Command) -> None:
    evil = "\x1b[2J\n\u202e"
    named = tables.named((1,), (evil,), (evil,))
    tree = {
        evil: array((1,), sharding=named, prng_impl=evil),
        "b": array((1,), sharding=("single", evil)),
        "c": tables.unreadable(evil, evil),
    }
    issue = ("limit", evil, 1, False, evil)
    custom = json.dumps({"a": evil})
    shown = show(checkpoint(tree, name=evil, custom_metadata=custom, issues=[issue]), evil)
    assert shown.status == 0
    for line in (*shown.out.split("\n"), *shown.err.split("\n")):
        assert line.isprintable()


def test_errors_are_printable_too(show: Command) -> None:
    shown = show(errors.error("malformed", "why \x1b[2J", "f"), "p")
    assert shown.err == "orbscan: error: f: why \\x1b[2J\n"


def test_the_document_shows_everything(show: Command) -> None:
    document = show.document(full())
    found = document.pop("leaves")
    assert document == {
        "schema_version": 1,
        "path": "run/1000",
        "layout": "v1",
        "storage": [
            {"place": "database", "zarr_format": None, "paths": [], "arrays": 4},
            {"place": "database", "zarr_format": 2, "paths": [], "arrays": 1},
        ],
        "checkpointable": "state",
        "others": [],
        "items": [{"name": "state", "kind": "pytree", "handler": None, "file": None}],
        "init_timestamp_nsecs": 1_700_000_000_123_456_789,
        "commit_timestamp_nsecs": 1_700_000_001_500_000_000,
        "custom_metadata": {"note": "ü\n", "x": "NaN"},
        "totals": {
            "leaves": 9,
            "parameters": 1_050_624,
            "elements": 1_050_627,
            "nbytes": 2_105_382,
            "types": {
                "bfloat16": {"leaves": 1, "nbytes": 2_097_152},
                "float32": {"leaves": 1, "nbytes": 8192},
                "key<threefry2x32>": {"leaves": 1, "nbytes": 24},
                "int64": {"leaves": 1, "nbytes": 8},
                "int16": {"leaves": 1, "nbytes": 6},
            },
        },
        "device_meshes": [{"shape": [4, 2], "ids": [0, 1, 2, 3, 4, 5, 6, 7]}],
        "issues": [
            {
                "kind": "malformed",
                "file": "state/_sharding",
                "offset": 12,
                "in_body": True,
                "reason": "expected an object",
            }
        ],
    }
    assert found[0] == {
        "keypath": ["params", "dense", 0, "kernel"],
        "param_name": "params.dense.0.kernel",
        "value_type": "jax.Array",
        "dtype": "float32",
        "shape": [64, 32],
        "nbytes": 8192,
        "prng_impl": None,
        "chunk_shape": [16, 32],
        "write_shape": [32, 32],
        "sharding": {
            "type": "NamedSharding",
            "shape": [4, 2],
            "axis_names": ["x", "y"],
            "axis_types": None,
            "partition_spec": [["x", "y"], None],
            "device_mesh": 0,
        },
        "zarr": {
            "zarr_format": 2,
            "dtype": "<f4",
            "chunk_shape": [16, 32],
            "compression": {"algorithm": "zstd", "level": 1},
            "order": "C",
            "dimension_separator": ".",
        },
        "place": "database",
        "error": None,
        "custom": None,
    }
    assert [leaf["value_type"] for leaf in found[1:]] == [
        *("jax.Array", "jax.Array", "np.ndarray", "scalar"),
        *("string", "None", "Dict", "unreadable"),
    ]
    assert found[2]["prng_impl"] == "threefry2x32"
    assert found[-1]["error"] == {
        "kind": "malformed",
        "file": "params.bad/.zarray",
        "offset": 7,
        "in_body": False,
        "reason": "no dtype",
    }
    members = found[0].keys()
    assert all(leaf.keys() == members for leaf in found)


def test_the_document_knows_every_form_of_sharding_and_zarr(show: Command) -> None:
    zarr = (3, "float32", (2,), None, (1,))
    tree = [
        array((2,), sharding=("single", "TPU_0"), zarr=zarr),
        array((2,), sharding=("positional", (2,), None)),
        array((2,), sharding=tables.named((1,), ("x",), ())),
    ]
    found = show.document(checkpoint(tree))["leaves"]
    assert found[0]["sharding"] == {"type": "SingleDeviceSharding", "device_str": "TPU_0"}
    assert found[1]["sharding"] == {
        "type": "PositionalSharding",
        "shape": [2],
        "memory_kind": None,
    }
    assert found[2]["sharding"]["device_mesh"] is None
    assert found[0]["zarr"] == {
        "zarr_format": 3,
        "dtype": "float32",
        "chunk_shape": [2],
        "compression": None,
        "inner_chunk_shape": [1],
    }


def test_a_device_mesh_is_written_once(show: Command) -> None:
    other = tables.named((2,), ("x",), ("x",), ids=(1, 0))
    tree = [array((2,), sharding=NAMED), array((3,), sharding=NAMED), array((2,), sharding=other)]
    document = show.document(checkpoint(tree))
    assert [leaf["sharding"]["device_mesh"] for leaf in document["leaves"]] == [0, 0, 1]
    assert [mesh["ids"] for mesh in document["device_meshes"]] == [[*range(8)], [1, 0]]


def test_the_document_is_json_whatever_the_user_stored(show: Command) -> None:
    stored = '{"a": NaN, "b": [-Infinity, 1e999, 1.5], "c": 123456789012345678901234567890}'
    answer = checkpoint(array((2,)), custom_metadata=stored)
    assert show.document(answer)["custom_metadata"] == {
        "a": "NaN",
        "b": ["-Infinity", "1e999", 1.5],
        "c": 123456789012345678901234567890,
    }


@pytest.mark.parametrize(
    ("arguments", "name"),
    [([], "AUTO"), (["--name", "params"], "params"), (["--flat"], None)],
)
def test_the_pytree_can_be_chosen(show: Command, arguments: list[str], name: str | None) -> None:
    assert show(sound(), "p", *arguments).status == 0
    assert show.calls == [("read_pytree", "p", name, False)]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("not_found", 3),
        ("unknown_layout", 3),
        ("uncommitted", 3),
        ("no_such_checkpointable", 3),
        ("deletion_in_progress", 3),
        ("deletion_record", 3),
        ("malformed", 3),
        ("checksum", 3),
        ("unsupported", 3),
        ("limit", 3),
        ("store", 4),
        ("memory", 4),
    ],
)
def test_the_exit_code_tells_the_kind_of_error(show: Command, kind: ErrorKind, status: int) -> None:
    shown = show(errors.error(kind, "why", "state/f", 4), "p")
    assert shown == (status, "", "orbscan: error: state/f, byte 4: why\n")


def test_an_interrupt_is_quiet(show: Command) -> None:
    assert show(KeyboardInterrupt(), "p") == (130, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--foo"],
        ["p", "q"],
        ["p", "-o", "yaml"],
        ["p", "--name", ""],
        ["p", "--name", "_CHECKPOINT_DELETION"],
        ["p", "--name", "a/b"],
        ["p", "--name", "a", "--flat"],
        ["p", "--depth", "-1"],
        ["p", "--depth", "a"],
        ["p", "--fold", "maybe"],
        ["p", "-o", "json", "--depth", "1"],
        ["p", "-o", "json", "--fold", "never"],
        ["p", "-o", "json", "--pager"],
        ["file://host/run"],
    ],
)
def test_wrong_use_is_told_apart(show: Command, arguments: list[str]) -> None:
    shown = show(sound(), *arguments)
    assert shown.status == 2
    assert shown.out == ""
    assert shown.err.startswith("usage: orbscan")
    assert show.calls == []


def test_the_version_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_core.install(monkeypatch, None)
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == "orbscan 1.2.3\n"


# What a fresh interpreter runs to have the stand-in under the installed command.
_PROGRAM = """
    import sys
    import orbscan
    from tests.support import fake_core
    from tests.support.fake_core import FakeCore
    from tests.support.tables import array, checkpoint, numpy_array
    tree = {f"ü{at}": array((2,)) for at in range(3)}
    fake_core.put(FakeCore(checkpoint(tree)))
    from orbscan.__main__ import main
    status = main(["show", "p", *sys.argv[1:]])
    print("LOADED", *sorted(sys.modules), file=sys.stderr)
    sys.exit(status)
"""


def run(*arguments: str, **options: Any) -> CompletedProcess[str]:
    program = [sys.executable, "-c", textwrap.dedent(_PROGRAM), *arguments]
    return processes.run(program, **options)


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_library_is_loaded(form: str) -> None:
    loaded = set(run("-o", form).stderr.rpartition("LOADED")[2].split())
    assert "orbscan.cli.show" in loaded
    heavy = {"numpy", "jax", "tensorstore", "msgspec", "rich", "pathlib", "datetime", "shutil"}
    assert not loaded & heavy
    assert ("json" in loaded) is (form == "json")


def test_a_closed_pipe_is_quiet() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = run(stdout=writer)
    finally:
        os.close(writer)
    assert ended.returncode == 141
    assert "Error" not in ended.stderr


def test_a_terminal_without_unicode_gets_escapes() -> None:
    out = run(env=os.environ | {"PYTHONIOENCODING": "ascii"}).stdout
    assert "\n\\xfc0 " in out


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ((), "."),
        (("a", "b"), "a/b"),
        (("a", 0, 1, "b"), "a[0][1]/b"),
        ((0,), "[0]"),
        (("0",), "0"),
        (("a.b-c_d+1",), "a.b-c_d+1"),
        (("größe", "重み"), "größe/重み"),
        (("a/b",), "'a/b'"),
        (("a[0]",), "'a[0]'"),
        (("a b", ""), "'a b'/''"),
        ((".",), "'.'"),
        (("it's",), '"it\'s"'),
        (("\ud800",), "'\\ud800'"),
        (("back\\slash",), "'back\\\\slash'"),
    ],
)
def test_keypaths_can_be_told_apart(entries: tuple[str | int, ...], shown: str) -> None:
    assert keypaths.keypath(entries) == shown


@pytest.mark.parametrize(
    ("nbytes", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (2**30, "1.0 GiB"),
        (2**60, "1.0 EiB"),
        (2**80, "1048576.0 EiB"),
    ],
)
def test_sizes_are_shown_in_binary_units(nbytes: int, shown: str) -> None:
    assert text.size(nbytes) == shown


def test_a_moment_beyond_the_calendar_is_shown_as_a_number() -> None:
    assert text.moment(2**100) == f"{2**100} ns since 1970"


@pytest.mark.parametrize(
    "name",
    [
        *("bool", "int8", "uint16", "int32", "uint64", "float16", "float64", "complex64"),
        *("complex128", "bfloat16", "int2", "int4", "float4_e2m1fn", "float8_e4m3b11fnuz"),
    ],
)
def test_element_sizes_are_those_of_numpy(name: str) -> None:
    assert leaves.itemsize(name) == dtype_named(name).itemsize


def test_the_walk_follows_the_assembled_tree() -> None:
    import jax

    table = tables.table(TREE)
    walked = [keypath for keypath, _, _ in leaves.leaves(table)]
    tree = assemble(table)

    def at(keypath: tuple[str | int, ...]) -> Any:
        node = tree
        for entry in keypath:
            node = getattr(node, str(entry)) if hasattr(node, "_fields") else node[entry]
        return node

    reached = [at(keypath) for keypath in walked]
    assert all(not isinstance(node, dict | list | tuple) or not node for node in reached)
    assert len([node for node in reached if node not in (None, {})]) == len(jax.tree.leaves(tree))
    assert len(set(walked)) == len(walked)


def test_a_tree_deeper_than_the_stack_is_shown(show: Command) -> None:
    depth = 2 * sys.getrecursionlimit()
    tree: Any = array((2,))
    for _ in range(depth):
        tree = [tree]
    assert f"\n{'[0]' * depth}  float32[2]" in show(checkpoint(tree), "p").out
