"""From columns to trees."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest

from orbscan.errors import FormatError
from orbscan.model.leaves import (
    ArrayMetadata,
    Compression,
    NumpyMetadata,
    StorageMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    Zarr2Metadata,
    Zarr3Metadata,
)
from orbscan.model.namedtuples import OrbaxEmptyNamedTuple, namedtuple_class
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.reading import codes
from orbscan.reading.tree import assemble
from tests.support import tables
from tests.support.tables import array, numpy_array, scalar, table

FLOAT32 = np.dtype("float32")
KIND_OF_ZERO = {
    **dict.fromkeys(["int2", "int4", "int8", "int64", "uint8", "uint64"], 0),
    **dict.fromkeys(["float16", "float32", "float64", "bfloat16", "float8_e4m3fn"], 0.0),
    **dict.fromkeys(["complex64", "complex128"], 0j),
    "bool": False,
}


class Point(NamedTuple):
    x: Any
    y: Any


def simple(shape: tuple[int, ...] = (2,)) -> ArrayMetadata:
    return ArrayMetadata(shape, FLOAT32, None, StorageMetadata(shape))


def test_an_array_has_all_that_is_known_of_it() -> None:
    leaf = array(
        (64, 32),
        chunk_shape=(8, 8),
        write_shape=(16, 16),
        sharding=tables.named(
            (4, 2), ("x", "y"), ("x", None), axis_types=("Auto", "Manual"), ids=tuple(range(8))
        ),
        zarr=(2, "<f4", (8, 8), ("zstd", 1), "C", "."),
        prng_impl="rbg",
    )
    zarr = Zarr2Metadata(
        shape=(64, 32),
        dtype="<f4",
        chunk_shape=(8, 8),
        compression=Compression("zstd", 1),
        order="C",
        dimension_separator=".",
    )
    mesh = DeviceMesh((4, 2), tuple(range(8)))
    named = NamedShardingMetadata((4, 2), ("x", "y"), ("x", None), ("Auto", "Manual"), mesh)
    tree = assemble(table(leaf))
    assert tree == ArrayMetadata((64, 32), FLOAT32, named, StorageMetadata((8, 8), (16, 16)), "rbg")
    assert tree.storage_metadata.zarr_metadata == zarr


def test_a_zarr3_document_is_kept() -> None:
    zarr = (3, "bfloat16", (16, 16), None, (8, 8))
    tree = assemble(table(array((64, 32), "bfloat16", chunk_shape=(8, 8), zarr=zarr)))
    assert tree.storage_metadata.zarr_metadata == Zarr3Metadata(
        shape=(64, 32),
        dtype="bfloat16",
        chunk_shape=(16, 16),
        compression=None,
        inner_chunk_shape=(8, 8),
    )


def test_the_dimensions_of_a_structured_type_are_not_those_of_its_document() -> None:
    zarr = (2, "[['a', '<i4', [2]]]", (4,), None, "C", ".")
    tree = assemble(table(array((4, 2), "int32", chunk_shape=(4, 2), zarr=zarr)))
    assert tree.shape == (4, 2)
    assert tree.storage_metadata.zarr_metadata.shape == (4,)


@pytest.mark.parametrize(
    ("row", "sharding"),
    [
        (None, None),
        (("single", "TPU_0"), SingleDeviceShardingMetadata("TPU_0")),
        (("positional", (2, 4), "device"), PositionalShardingMetadata((2, 4), "device")),
        (
            tables.named((2,), ("x",), (("x", "y"), None, "x")),
            NamedShardingMetadata((2,), ("x",), (("x", "y"), None, "x")),
        ),
    ],
)
def test_each_form_of_sharding_is_read(row: Any, sharding: Any) -> None:
    assert assemble(table(array((2,), sharding=row))).sharding_metadata == sharding


def test_arrays_of_numpy_and_safetensors_are_told_apart() -> None:
    tree = assemble(table([numpy_array((3,)), tables.safetensors_array((3,))]))
    assert tree == [
        NumpyMetadata((3,), FLOAT32, StorageMetadata((3,))),
        ArrayMetadata((3,), FLOAT32, None, None),
    ]


@pytest.mark.parametrize(("dtype", "zero"), KIND_OF_ZERO.items())
def test_a_scalar_is_a_zero_of_its_type(dtype: str, zero: complex) -> None:
    leaf = assemble(table(scalar(dtype)))
    assert leaf == zero
    assert type(leaf) is type(zero)


def test_what_is_no_array_becomes_a_plain_value() -> None:
    specs = [
        tables.STRING,
        tables.NONE,
        tables.EMPTY_DICT,
        tables.EMPTY_LIST,
        tables.EMPTY_TUPLE,
        tables.EMPTY_NAMEDTUPLE,
    ]
    assert assemble(table(specs)) == ["string", None, {}, [], (), OrbaxEmptyNamedTuple()]
    assert type(assemble(table(tables.EMPTY_NAMEDTUPLE))).__name__ == "OrbaxEmptyNamedTuple"


def test_an_unreadable_leaf_carries_its_error() -> None:
    tree = assemble(table({"a": tables.unreadable("no dtype", "a/.zarray", 7), "b": array((2,))}))
    assert isinstance(tree["a"], UnreadableLeaf)
    assert isinstance(tree["a"].error, FormatError)
    assert str(tree["a"].error) == "a/.zarray, byte 7: no dtype"
    assert tree["b"] == simple()


def test_a_leaf_of_a_custom_handler_has_its_word_and_its_files() -> None:
    tree = assemble(table({"a": tables.custom("Config", ("a/config.json",), 9)}))
    assert tree == {"a": UnsupportedLeaf("Config", ("a/config.json",), 9)}


def test_containers_keep_their_kind_and_order() -> None:
    spec = {"z": [array((1,)), array((2,))], "a": (array((3,)), {"k": array((4,))})}
    tree = assemble(table(spec))
    assert tree == {"z": [simple((1,)), simple((2,))], "a": (simple((3,)), {"k": simple((4,))})}
    assert list(tree) == ["z", "a"]


def test_equal_leaves_are_one_object() -> None:
    tree = assemble(table({"a": array((2,)), "b": [array((2,))]}))
    assert tree["a"] is tree["b"][0]


def test_empty_dicts_and_lists_are_never_shared() -> None:
    spec = [tables.EMPTY_DICT, tables.EMPTY_DICT, tables.EMPTY_LIST, tables.EMPTY_LIST]
    tree = assemble(table(spec))
    tree[0]["filled"] = tree[2].append(1)
    assert tree[1] == {}
    assert tree[3] == []


def test_two_trees_of_one_table_share_no_container() -> None:
    columns = table({"a": [array((2,))], "b": tables.EMPTY_DICT})
    first, second = assemble(columns), assemble(columns)
    assert first == second
    assert first["a"] is not second["a"]
    assert first["b"] is not second["b"]


def test_a_tree_deeper_than_the_stack_is_assembled() -> None:
    depth = 2 * sys.getrecursionlimit()
    spec: Any = array((2,))
    for _ in range(depth):
        spec = [spec]
    tree = assemble(table(spec))
    for _ in range(depth):
        (tree,) = tree
    assert tree == simple()


def test_a_namedtuple_gets_the_class_that_orbax_makes() -> None:
    tree = assemble(table({"p": Point(array((1,)), [array((2,))])}))
    assert type(tree["p"]).__name__ == "tests_reading_test_tree_Point_2"
    assert tree["p"]._fields == ("x", "y")
    assert tree["p"].y == [simple((2,))]


def test_two_reads_give_the_same_class() -> None:
    columns = table(Point(array((1,)), array((2,))))
    assert type(assemble(columns)) is type(assemble(columns))


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))],  # noqa: S301
)
def test_namedtuples_survive_pickling_and_copying(duplicate: Any) -> None:
    for spec in (Point(array((1,)), array((2,))), tables.EMPTY_NAMEDTUPLE):
        tree = assemble(table(spec))
        twin = duplicate(tree)
        assert twin == tree
        assert type(twin) is type(tree)


@pytest.mark.parametrize(
    ("module", "qualified_name", "fields", "class_name", "class_fields"),
    [
        ("__main__", "Point", ("x", "y"), "__main___Point_2", ("x", "y")),
        ("optax._src", "State", ("mu",), "optax__src_State_1", ("mu",)),
        ("m", "f.<locals>.Point", ("x",), "m_f__locals__Point_1", ("x",)),
        ("3d", "²", ("x",), "_3d___1", ("x",)),
        # As collections.namedtuple itself renames them.
        ("m", "Odd", ("class", "a b", "_2", "_x", ""), "m_Odd_5", ("_0", "_1", "_2", "_3", "_4")),
        ("m", "Twice", ("x", "x"), "m_Twice_2", ("x", "_1")),
        # Python's parser takes the ligature for two letters.
        ("m", "Ligature", ("fi", "ﬁ"), "m_Ligature_2", ("fi", "_1")),
        ("m", "Injection", ("x): pass #",), "m_Injection_1", ("_0",)),
    ],
)
def test_names_that_no_class_can_have_are_changed(
    module: str,
    qualified_name: str,
    fields: tuple[str, ...],
    class_name: str,
    class_fields: tuple[str, ...],
) -> None:
    made = namedtuple_class(module, qualified_name, fields)
    assert made.__name__ == class_name
    assert made._fields == class_fields
    assert tuple(made(*range(len(fields)))) == tuple(range(len(fields)))


def test_jax_maps_over_an_assembled_tree() -> None:
    import jax

    spec = {"p": Point(array((1,)), numpy_array((2,))), "e": [tables.EMPTY_DICT, scalar("int32")]}
    shapes = jax.tree.map(lambda leaf: getattr(leaf, "shape", None), assemble(table(spec)))
    assert shapes["p"].x == (1,)
    assert shapes["p"].y == (2,)
    assert shapes["e"] == [{}, None]


def test_alike_containers_are_built_together() -> None:
    made = [array((1,)), array((2,)), array((3,)), array((4,))]
    layers = table({"a": {"v": made[0], "w": made[1]}, "b": {"v": made[2], "w": made[3]}})
    apart = assemble(layers)
    both = layers.runs[0][1] + layers.runs[1][1]
    together = (1, both, codes.DICT, 3, 7, ("v", "w"))
    layers.runs[:2] = [together]
    assert assemble(layers) == apart
    assert [leaf.shape for leaf in apart["b"].values()] == [(3,), (4,)]
