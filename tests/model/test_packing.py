"""Results as bytes, and back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ml_dtypes
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import orbscan
from orbscan import errors
from orbscan.model import packing
from orbscan.model.namedtuples import OrbaxEmptyNamedTuple, namedtuple_class
from orbscan.model.result import CheckpointMetadata, Issue
from orbscan.model.saved_tree import SavedTree
from tests.support import corpus

STORAGE = orbscan.StorageMetadata(
    (2,),
    (1,),
    orbscan.Zarr2Metadata(
        shape=(4,),
        dtype="<f4",
        chunk_shape=(2,),
        compression=orbscan.Compression("zstd", 1),
        order="C",
        dimension_separator=".",
    ),
)
SHARDED = orbscan.StorageMetadata(
    (2,),
    None,
    orbscan.Zarr3Metadata(
        shape=(4,), dtype="float32", chunk_shape=(4,), compression=None, inner_chunk_shape=(2,)
    ),
)
NAMED = orbscan.NamedShardingMetadata(
    (4, 2),
    ("x", "y"),
    ("x", None, ("x", "y")),
    ("Auto", "Explicit"),
    orbscan.DeviceMesh((4, 2), (0, 1, 2, 3, 4, 5, 6, 7)),
)
Point = namedtuple_class("some.module", "Point", ("x", "y"))

LEAVES: list[Any] = [
    orbscan.ArrayMetadata((2**40, 3), np.dtype("float32"), NAMED, STORAGE),
    orbscan.ArrayMetadata((), np.dtype(ml_dtypes.bfloat16), None, SHARDED, None),
    orbscan.ArrayMetadata(
        (2,), np.dtype("uint32"), orbscan.SingleDeviceShardingMetadata("cpu:0"), None, "rbg"
    ),
    orbscan.ArrayMetadata((2,), np.dtype("int8"), orbscan.PositionalShardingMetadata((2,), "hbm")),
    orbscan.NumpyMetadata((3,), np.dtype("complex64"), orbscan.StorageMetadata(None)),
    orbscan.UnsupportedLeaf("Config", ("c/config.json",), 9),
    orbscan.UnreadableLeaf(errors.error("store", "no", "f", None, errno=13, fault="forbidden")),
    orbscan.UnreadableLeaf(errors.error("malformed", "no \udcff", "f\udcff", 3, in_body=True)),
    *(None, True, False, 0, -(2**70), 0.5, float("inf"), 1 - 2j, "string", "é"),
    OrbaxEmptyNamedTuple(),
]
containers = st.recursive(
    st.sampled_from(LEAVES),
    lambda children: st.one_of(
        st.dictionaries(st.text(max_size=3), children, max_size=4),
        st.lists(children, max_size=4),
        st.lists(children, max_size=3).map(tuple),
        st.builds(Point, children, children),
    ),
    max_leaves=30,
)


def there_and_back(read: CheckpointMetadata[Any]) -> CheckpointMetadata[Any]:
    return CheckpointMetadata.from_bytes(read.to_bytes())


def shown(value: Any) -> str:
    """What tells `1` from `True`, lists from tuples, and classes of one name."""
    return repr(value)


@settings(max_examples=200)
@given(tree=containers)
def test_any_tree_comes_back_as_it_was(tree: Any) -> None:
    read = CheckpointMetadata(Path("c"), metadata=tree)
    again = there_and_back(read)
    assert again == read
    assert shown(again.metadata) == shown(tree)
    for (_, ours), (_, wanted) in zip(again.leaves(), read.leaves(), strict=True):
        assert type(ours) is type(wanted)
        if isinstance(wanted, orbscan.UnreadableLeaf):
            assert ours.error.__reduce__() == wanted.error.__reduce__()


def test_all_that_stands_beside_the_tree_comes_back() -> None:
    scalars = ((("a", 0), "int32"),)
    read: CheckpointMetadata[Any] = CheckpointMetadata(
        orbscan.UrlPath("gs://bucket/run/7"),
        metadata={"a": 0},
        init_timestamp_nsecs=2**70,
        commit_timestamp_nsecs=-1,
        custom_metadata={"a": [1, {"é": None}], "nan": float("inf")},
        issues=(
            Issue("malformed", "f\udcff", 2**63, in_body=True, reason="why"),
            Issue("store", None, None, in_body=False, reason=""),
        ),
        _trees=(SavedTree("s", ("s",), scalars),),
    )
    again = there_and_back(read)
    assert again == read
    assert (type(again.path), again._trees) == (type(read.path), read._saved_trees())
    odd = CheckpointMetadata(Path(os.fsdecode(b"\xff")), metadata=None)
    assert there_and_back(odd) == odd


def test_every_golden_checkpoint_comes_back(tmp_path: Path) -> None:
    for case in corpus.golden_cases():
        corpus.unpack(case.archive, tmp_path)
        for target in corpus.targets(case):
            try:
                read = orbscan.checkpointables_metadata(tmp_path / target)
            except orbscan.OrbscanError:
                continue
            again = there_and_back(read)
            assert again == read
            assert shown(again.metadata) == shown(read.metadata)


def test_what_is_shared_is_written_and_made_once() -> None:
    leaf = LEAVES[0]
    tree = {f"layer_{number}": {"w": leaf, "b": LEAVES[1]} for number in range(1000)}
    data = CheckpointMetadata(Path("c"), metadata=tree).to_bytes()
    assert len(data) < 20_000
    again = CheckpointMetadata.from_bytes(data).metadata
    assert len({id(layer["w"]) for layer in again.values()}) == 1
    assert again["layer_0"]["w"].sharding_metadata == NAMED


def test_a_tree_deeper_than_the_stack_comes_back() -> None:
    tree: Any = 0
    for _ in range(20_000):
        tree = [tree]
    again = there_and_back(CheckpointMetadata(Path("c"), metadata=tree)).metadata
    depth = 0
    while isinstance(again, list):
        (again,) = again
        depth += 1
    assert (depth, again) == (20_000, 0)


def test_leaves_of_the_callers_own_are_refused() -> None:
    with pytest.raises(TypeError, match="ndarray cannot be converted to bytes"):
        CheckpointMetadata(Path("c"), metadata={"a": np.zeros(2)}).to_bytes()


def test_another_version_is_refused_by_name() -> None:
    data = CheckpointMetadata(Path("c"), metadata={}).to_bytes()
    at = len(packing._MARK)
    other = data[:at] + (7).to_bytes(2, "big") + data[at + 2 :]
    with pytest.raises(
        orbscan.FormatError, match="version 7; this orbscan reads version 1"
    ) as caught:
        CheckpointMetadata.from_bytes(other)
    assert caught.value.kind == "unsupported"


GOOD = CheckpointMetadata(Path("c"), metadata={"a": [*LEAVES], "b": Point(1, {})}).to_bytes()


def from_damaged(data: bytes) -> None:
    """Whatever bytes say, they are refused as such, or make a result."""
    try:
        CheckpointMetadata.from_bytes(data)
    except orbscan.FormatError as error:
        assert error.kind in {"malformed", "unsupported"}  # noqa: PT017 - both ways are right


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_a_part_of_the_bytes_is_refused(length: int) -> None:
    with pytest.raises(orbscan.FormatError):
        CheckpointMetadata.from_bytes(GOOD[:length])


@settings(max_examples=500)
@given(place=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_changed_bytes_are_refused_or_read(place: int, value: int) -> None:
    from_damaged(GOOD[:place] + bytes([value]) + GOOD[place + 1 :])


def rewritten(**changes: Any) -> bytes:
    from orbscan.model.packed import Document

    start = len(packing._MARK) + 2
    document = msgspec.msgpack.decode(GOOD[start:], type=Document)
    changed = msgspec.structs.replace(document, **changes)
    return GOOD[:start] + msgspec.msgpack.encode(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"containers": [(0, 2**40, 0)]},
        {"containers": [(0, -1, 0), (1, 3, 0)], "nodes": [-1, -1, 0]},
        {"containers": [(1, 1, 0), (1, 1, 0)], "nodes": [-1, 0, -1]},
        {"containers": [(9, 1, 0)], "nodes": [-1, 0]},
        {"containers": [(0, 1, 9)], "nodes": [-1, 0]},
        {"nodes": [-1, 10_000], "containers": [(1, 1, 0)]},
        {"nodes": []},
        {"classes": [("m", "P", ("x",))]},
        {"custom_metadata": "{"},
        {"issues": [("no such kind", None, None, False, b"")]},
        {"init_timestamp_nsecs": "soon"},
    ],
)
def test_a_document_that_contradicts_itself_is_refused(changes: Any) -> None:
    with pytest.raises(orbscan.FormatError, match="have changed since"):
        CheckpointMetadata.from_bytes(rewritten(**changes))


def test_text_is_not_bytes() -> None:
    with pytest.raises(TypeError):
        CheckpointMetadata.from_bytes("text")  # type: ignore[arg-type]
