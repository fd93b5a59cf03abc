"""Leaves and results: they behave like frozen dataclasses, and as Orbax expects of a leaf."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import pprint
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from orbscan import errors
from orbscan.model import leaves, result, sharding
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
from orbscan.model.result import CheckpointMetadata, Issue, PyTreeMetadata

FLOAT32 = np.dtype("float32")
ZARR2 = Zarr2Metadata(
    shape=(8, 16),
    dtype="<f4",
    chunk_shape=(8, 4),
    compression=Compression("zstd", 1),
    order="C",
    dimension_separator=".",
)
ZARR3 = Zarr3Metadata(
    shape=(8, 16),
    dtype="float32",
    chunk_shape=(8, 4),
    compression=None,
    inner_chunk_shape=(8, 2),
)
STORAGE = StorageMetadata((8, 4), (8, 8), ZARR2)
NAMED = sharding.NamedShardingMetadata(
    (2, 2), ("x", "y"), ("x", None), ("Auto", "Auto"), sharding.DeviceMesh((2, 2), (0, 1, 2, 3))
)
VALUES = [
    ArrayMetadata((8, 16), FLOAT32, NAMED, STORAGE, "rbg"),
    ArrayMetadata((), np.dtype(ml_dtypes.bfloat16)),
    NumpyMetadata((8,), FLOAT32, STORAGE),
    UnreadableLeaf(errors.error("malformed", "why", "f", 4)),
    UnsupportedLeaf("Config", ("c/config.json",), 9),
    STORAGE,
    ZARR2,
    ZARR3,
    Compression("zstd", 1),
    NAMED,
    sharding.DeviceMesh((1,), (0,)),
    sharding.SingleDeviceShardingMetadata("cpu:0"),
    sharding.PositionalShardingMetadata((2,), "device"),
    Issue("malformed", "f", 4, True, "why"),  # noqa: FBT003
]
by_class = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


def test_every_class_of_values_is_tested() -> None:
    modules = (leaves, sharding, result)
    defined = {
        thing
        for module in modules
        for thing in vars(module).values()
        if isinstance(thing, type)
        and thing.__module__ == module.__name__
        and not issubclass(thing, Exception)
    }
    # A protocol has no instances, and an attribute is not a value.
    others = {CheckpointMetadata, result.Contents, result._CustomMetadata}
    assert defined - others == {type(value) for value in VALUES}


@by_class
def test_values_are_dataclasses_to_those_who_ask(value: Any) -> None:
    assert dataclasses.is_dataclass(type(value))
    fields = dataclasses.fields(value)
    assert tuple(field.name for field in fields) == value.__struct_fields__
    assert all(isinstance(field.type, str) for field in fields)


@by_class
def test_values_can_be_replaced_in_part(value: Any) -> None:
    assert dataclasses.replace(value) == value
    assert value.__replace__() == value
    if sys.version_info >= (3, 13):
        assert copy.replace(value) == value
    first = dataclasses.fields(value)[0].name
    changed = dataclasses.replace(value, **{first: getattr(VALUES[0], first, "other")})
    assert type(changed) is type(value)


def test_a_replaced_field_is_the_only_change() -> None:
    leaf = ArrayMetadata((8, 16), FLOAT32, NAMED, STORAGE)
    for changed in (dataclasses.replace(leaf, shape=(4,)), leaf.__replace__(shape=(4,))):
        assert changed == ArrayMetadata((4,), FLOAT32, NAMED, STORAGE)


def test_a_field_that_does_not_exist_cannot_be_replaced() -> None:
    with pytest.raises(TypeError, match="colour"):
        dataclasses.replace(ArrayMetadata((1,), FLOAT32), colour="red")  # type: ignore[call-arg]


def test_defaults_are_known_to_dataclasses() -> None:
    defaults = {field.name: field.default for field in dataclasses.fields(ArrayMetadata)}
    missing = dataclasses.MISSING
    assert defaults == {
        "shape": missing,
        "dtype": missing,
        "sharding_metadata": None,
        "storage_metadata": None,
        "prng_impl": None,
    }
    (version, *rest) = dataclasses.fields(Zarr3Metadata)
    assert version.default == 3
    assert all(field.default is missing and field.kw_only for field in rest)


@by_class
def test_values_are_frozen(value: Any) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(value, dataclasses.fields(value)[0].name, None)


@by_class
def test_values_are_equal_to_their_copies(value: Any) -> None:
    for twin in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):  # noqa: S301
        assert type(twin) is type(value)
        assert twin == value
        assert hash(twin) == hash(value)
        assert repr(twin) == repr(value)


@by_class
def test_values_of_different_classes_differ(value: Any) -> None:
    assert sum(other == value for other in VALUES) == 1
    assert value != None  # noqa: E711 - Orbax raises here
    assert value != "text"


@by_class
def test_values_can_be_pretty_printed(value: Any) -> None:
    assert pprint.pformat(value, width=10_000) == repr(value)


@pytest.mark.parametrize(
    "leaf",
    [ArrayMetadata((3, 5), np.dtype("int16")), NumpyMetadata((3, 5), np.dtype("int16"))],
)
def test_arrays_know_their_size(leaf: ArrayMetadata | NumpyMetadata) -> None:
    assert (leaf.ndim, leaf.size, leaf.nbytes) == (2, 15, 30)


def test_a_rank_zero_array_has_one_element() -> None:
    assert ArrayMetadata((), FLOAT32).nbytes == 4


def test_sizes_are_exact_beyond_64_bits() -> None:
    assert ArrayMetadata((2**40, 2**40), FLOAT32).nbytes == 2**82


def test_orbax_tells_the_arrays_apart_by_their_classes() -> None:
    assert isinstance(vars(ArrayMetadata)["sharding"], property)
    assert not hasattr(NumpyMetadata, "sharding")
    for leaf_class in (ArrayMetadata, NumpyMetadata):
        assert {"shape", "dtype"} <= vars(leaf_class).keys()


def test_orbax_takes_the_leaves_for_its_own() -> None:
    from orbax.checkpoint.experimental.v1._src.arrays import types as orbax_types
    from orbax.checkpoint.experimental.v1._src.serialization import protocol_utils

    def matches(leaf_class: type, protocol: type) -> bool:
        return bool(protocol_utils.is_subclass_protocol(leaf_class, protocol))

    assert matches(ArrayMetadata, orbax_types.AbstractShardedArray)
    assert matches(NumpyMetadata, orbax_types.AbstractArray)
    assert not matches(NumpyMetadata, orbax_types.AbstractShardedArray)


def test_an_array_without_sharding_metadata_has_no_sharding() -> None:
    assert ArrayMetadata((1,), FLOAT32).sharding is None


def test_zarr_metadata_takes_no_part_in_comparisons() -> None:
    bare = StorageMetadata((8, 4), (8, 8))
    assert bare == STORAGE
    assert hash(bare) == hash(STORAGE)
    assert repr(bare) == repr(STORAGE) == "StorageMetadata(chunk_shape=(8, 4), write_shape=(8, 8))"


@pytest.mark.parametrize(
    ("compression", "text"), [(Compression("zstd", 3), "zstd:3"), (Compression("blosc"), "blosc")]
)
def test_a_compression_is_shown_in_short(compression: Compression, text: str) -> None:
    assert repr(compression) == str(compression) == text


def test_unreadable_leaves_are_equal_for_the_same_finding() -> None:
    def leaf(offset: int, reason: str = "why") -> UnreadableLeaf:
        return UnreadableLeaf(errors.error("malformed", reason, "f", offset))

    assert leaf(4) == leaf(4)
    assert leaf(4) != leaf(5)
    assert leaf(4) != leaf(4, "why not")
    with pytest.raises(errors.FormatError, match="f, byte 4: why"):
        raise leaf(4).error


def test_an_issue_reads_like_an_error() -> None:
    issue = Issue("checksum", "state/d/903e", 41, True, "differs")  # noqa: FBT003
    assert str(issue) == "state/d/903e, byte 41 of the decompressed body: differs"


def checkpoint(metadata: Any = None, **fields: Any) -> CheckpointMetadata[Any]:
    return CheckpointMetadata(Path("run/1000"), metadata=metadata, **fields)


@pytest.mark.parametrize(
    ("nsecs", "moment"),
    [
        (None, None),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        # Cut, where the detour over a float would have rounded up.
        (1795469031045155784, datetime(2026, 11, 23, 21, 23, 51, 45155, tzinfo=UTC)),
        (253402300799999999999, datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_timestamps_are_exact_to_the_microsecond(
    nsecs: int | None, moment: datetime | None
) -> None:
    this = checkpoint(init_timestamp_nsecs=nsecs, commit_timestamp_nsecs=nsecs)
    assert this.init_timestamp == this.commit_timestamp == moment


def test_a_moment_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(OverflowError):
        _ = checkpoint(commit_timestamp_nsecs=2**80).commit_timestamp


def test_a_checkpoint_can_be_replaced_in_part() -> None:
    this = checkpoint({"a": 1}, custom_metadata={"k": "v"})
    changed = dataclasses.replace(this, metadata={"b": 2})
    assert changed == checkpoint({"b": 2}, custom_metadata={"k": "v"})
    if sys.version_info >= (3, 13):
        assert copy.replace(this, metadata={"b": 2}) == changed


def test_a_checkpoint_survives_pickling() -> None:
    issue = Issue("malformed", "f", None, False, "why")  # noqa: FBT003
    this = checkpoint({"a": VALUES[0]}, init_timestamp_nsecs=1, issues=(issue,))
    assert pickle.loads(pickle.dumps(this)) == this  # noqa: S301


def test_a_checkpoint_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        checkpoint().metadata = 1  # type: ignore[misc]


def test_a_checkpoint_is_generic_at_run_time() -> None:
    made = CheckpointMetadata[int](Path("p"), metadata=1)
    assert made == CheckpointMetadata(Path("p"), metadata=1)
    assert CheckpointMetadata[PyTreeMetadata] is not None


def test_the_metadata_is_given_by_keyword() -> None:
    with pytest.raises(TypeError):
        CheckpointMetadata(Path("p"), {})  # type: ignore[call-arg]


def test_a_small_checkpoint_is_shown_whole() -> None:
    this = checkpoint({"a": {}, "b": [1, "string"]}, commit_timestamp_nsecs=5)
    assert repr(this).splitlines() == [
        "CheckpointMetadata(",
        "  path='run/1000'",
        "  init_timestamp_nsecs=None",
        "  commit_timestamp_nsecs=5",
        "  custom_metadata=None",
        "  issues=()",
        "  metadata, number of leaves: 3",
        "    a: {}",
        "    b[0]: int",
        "    b[1]: string",
        ")",
    ]


def test_a_large_checkpoint_is_shown_in_short() -> None:
    tree = {f"{'layer' * 50}{at}": [VALUES[0]] * 5 for at in range(1000)}
    shown = repr(checkpoint(tree, custom_metadata={"note": "long " * 1000}))
    assert "metadata, number of leaves: 5000" in shown
    assert "... and 4,990 more leaves" in shown
    assert len(shown.splitlines()) <= 20
    assert len(shown) <= 2_000


def test_a_tree_deeper_than_the_stack_is_shown() -> None:
    tree: Any = 1
    for _ in range(2 * sys.getrecursionlimit()):
        tree = [tree]
    assert "metadata, number of leaves: 1" in repr(checkpoint(tree))
