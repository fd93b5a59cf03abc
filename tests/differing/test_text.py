"""`str` of a diff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import orbscan
from orbscan import (
    ArrayMetadata,
    CheckpointMetadata,
    Issue,
    StorageMetadata,
    UnreadableLeaf,
    errors,
)
from orbscan.differing.text import SHOWN, report
from orbscan.model.leaves import Compression, Zarr2Metadata
from orbscan.model.sharding import (
    DeviceMesh,
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)

F32 = np.dtype("float32")


def array(*shape: int, dtype: str = "float32", **fields: Any) -> ArrayMetadata:
    return ArrayMetadata(shape, np.dtype(dtype), **fields)


def shown(before: Any, after: Any, **options: Any) -> str:
    """The report without its header."""
    text = str(orbscan.diff(before, after, **options))
    return text.partition("\n\n")[2]


def test_a_report_names_both_and_counts() -> None:
    a = CheckpointMetadata(
        Path("runs/1"),
        metadata={"w": array(4), "n": 1},
        issues=(
            Issue("malformed", "state/_sharding", 12, in_body=False, reason="expected an object"),
        ),
    )
    assert str(orbscan.diff(a, {"w": array(4, dtype="float64"), "n": 2})) == (
        "a          runs/1\n"
        "b          tree\n"
        "found      1 changed leaf\n"
        "same       1 leaf\n"
        "values     not compared\n"
        "ignored    devices, storage\n"
        "\n"
        "changed\n"
        "  w  dtype float32 -> float64\n"
        "\n"
        "notes\n"
        "  a: state/_sharding, byte 12: expected an object"
    )


def test_trees_without_a_difference_have_a_header_alone() -> None:
    assert str(orbscan.diff({}, {}, strict=True)) == (
        "a          tree\nb          tree\nfound      no difference\nsame       1 leaf\n"
        "values     not compared"
    )


def test_each_difference_is_shown() -> None:
    before = {
        "changed": array(4, 8),
        "kind": array(4),
        "gone": array(2, 3),
        "key": array(2, dtype="uint32", prng_impl="threefry2x32"),
        "list": [1],
        "none": None,
        "\x1b": "string",
    }
    after = {
        "changed": array(4, 16, dtype="int32"),
        "kind": np.zeros(4, F32),
        "key": array(2, dtype="uint32"),
        "list": {"0": True},
        "none": [],
        "new": 0.5,
        "bad": UnreadableLeaf(errors.error("malformed", "why", "f", 3)),
    }
    assert shown(before, after) == (
        "changed\n"
        "  changed  shape [4,8] -> [4,16], dtype float32 -> int32\n"
        "  kind     float32[4] -> np.ndarray float32[4]\n"
        "  key      shape [] -> [2], dtype key<threefry2x32> -> uint32\n"
        "  list[0]  dtype int -> bool\n"
        "  none     None -> []\n"
        "\n"
        "container changed\n"
        "  list  list -> dict\n"
        "\n"
        "removed\n"
        "  gone    float32[2,3]\n"
        "  '\\x1b'  string\n"
        "\n"
        "added\n"
        "  new  scalar float\n"
        "  bad  unreadable: f, byte 3: why"
    )


def test_shardings_and_storage_are_shown() -> None:
    def over(spec: tuple[Any, ...], first: int, kind: str = "Auto") -> NamedShardingMetadata:
        ids = tuple(range(first, first + 8))
        return NamedShardingMetadata((8,), ("x",), spec, (kind,), DeviceMesh((8,), ids))

    def packed(name: str, chunk: tuple[int, ...], order: str = "C") -> StorageMetadata:
        zarr = Zarr2Metadata(
            shape=(8,),
            dtype="<f4",
            chunk_shape=chunk,
            compression=Compression(name, 1),
            order=order,
            dimension_separator=".",
        )
        return StorageMetadata(chunk, (8,), zarr)

    sides: list[dict[str, Any]] = [
        {
            "split": over(("x",), 0),
            "moved": over(("x",), 0),
            "typed": over(("x",), 0),
            "single": SingleDeviceShardingMetadata("cpu:0"),
            "old": PositionalShardingMetadata((2,), "device"),
        },
        {
            "split": over((), 0),
            "moved": over(("x",), 8),
            "typed": over(("x",), 0, "Explicit"),
            "single": SingleDeviceShardingMetadata("cpu:1"),
            "old": PositionalShardingMetadata((2,), "host"),
        },
    ]
    trees = [{key: array(8, sharding_metadata=one) for key, one in side.items()} for side in sides]
    for tree, storages in zip(
        trees,
        (
            (packed("zstd", (8,)), packed("zstd", (8,)), packed("zstd", (8,))),
            (packed("gzip", (8,)), packed("zstd", (4,)), packed("zstd", (8,), "F")),
        ),
        strict=True,
    ):
        tree |= {f"s{at}": array(8, storage_metadata=one) for at, one in enumerate(storages)}
    assert shown(*trees, strict=True) == (
        "changed\n"
        "  split   sharding P('x') -> P()\n"
        "  moved   devices [0, 1, 2, 3, and 4 more] -> [8, 9, 10, 11, and 4 more]\n"
        "  typed   sharding P('x') on 8 (x) (Auto) -> P('x') on 8 (x) (Explicit)\n"
        "  single  devices cpu:0 -> cpu:1\n"
        "  old     sharding positional 2 (device) -> positional 2 (host)\n"
        "  s0      zarr 2 zstd:1 -> 2 gzip:1\n"
        "  s1      chunk [8] -> [4]\n"
        "  s2      other zarr document"
    )


def test_siblings_that_differ_in_a_number_only_are_one_line() -> None:
    before = {"l": [{"w": array(4), "b": array(2)} for _ in range(300)]}
    after = {"l": [{"w": array(5), "b": array(2 + (at == 7))} for at in range(300)]}
    assert shown(before, after) == (
        "changed\n"
        "  l[0..6,8..299]/w  shape [4] -> [5]  x299\n"
        "  l[7]/w            shape [4] -> [5]\n"
        "  l[7]/b            shape [2] -> [3]"
    )


def test_renames_that_differ_in_a_number_only_are_one_line() -> None:
    before = {f"layers_{at}": {"w": array(4), "b": array(2)} for at in range(12)}
    after = {"m": [{"w": array(4), "b": array(2)} for at in range(12)], "x": array(7)}
    assert shown(before, after) == (
        "perhaps renamed\n"
        "  layers_{0..11} -> m[0..11]  2 leaves  x12\n"
        "\n"
        "added (possible renames excluded)\n"
        "  x  float32[7]"
    )


def test_ambiguous_renames_are_shown_with_what_is_removed_and_added() -> None:
    before = {"x": array(4), "y": array(4)}
    after = {name: array(4) for name in "pqrst"}
    lines = shown(before, after).split("\n")
    assert lines[:2] == [
        "perhaps renamed, but to which?",
        "  x | y -> p | q | r | 2 more  each 1 leaf",
    ]
    assert "  x  float32[4]" in lines


def test_a_large_diff_is_summed_up_by_subtree() -> None:
    tree = {f"m{name}": {f"w{at}": array(at) for at in range(30)} for name in "abc"}
    assert shown(tree, {}) == (
        "removed\n"
        "  ma/**  30 leaves, 435 elements\n"
        "  mb/**  30 leaves, 435 elements\n"
        "  mc/**  30 leaves, 435 elements\n"
        "\n"
        "added\n"
        "  .  {}"
    )


def test_the_length_of_a_report_is_bounded_and_all_can_be_asked_for() -> None:
    found = orbscan.diff({}, {f"w{at}": array(at) for at in range(500)})
    assert len(str(found).split("\n")) < SHOWN + 15
    assert str(found).endswith("... and 460 more leaves")
    every = report(found, None)
    assert every[-1].split() == ["w499", "float32[499]"]
    assert not any("more leaves" in line for line in every)


def test_two_roots_that_differ_have_a_path() -> None:
    assert shown(array(2), array(3)) == "changed\n  .  shape [2] -> [3]"
