"""Metadata in the classes of Orbax, held against what Orbax itself returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import orbax.checkpoint.experimental.v1 as ocp
import pytest

import orbscan
from orbscan import errors
from orbscan.model.sharding import PositionalShardingMetadata

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory, saved: dict[str, Any]) -> Path:
    """Everything but the leaves on which the metadata of Orbax fails."""
    target = tmp_path_factory.mktemp("readable") / "ckpt"
    tree = {name: value for name, value in saved.items() if name not in {"warm", "cold"}}
    ocp.save(target, tree, custom_metadata={"a": 1})
    return target


def test_the_conversion_is_what_orbax_returns(readable: Path) -> None:
    theirs = ocp.metadata(readable)
    ours = orbscan.to_orbax(orbscan.metadata(readable))
    assert type(ours) is type(theirs)
    assert ours.custom_metadata == theirs.custom_metadata
    assert ours.commit_timestamp_nsecs == theirs.commit_timestamp_nsecs
    assert ours.init_timestamp_nsecs == theirs.init_timestamp_nsecs
    assert (ours.path, type(ours.path)) == (theirs.path, type(theirs.path))
    got, expected = jax.tree.leaves(ours.metadata), jax.tree.leaves(theirs.metadata)
    assert got == expected
    assert [type(leaf) for leaf in got] == [type(leaf) for leaf in expected]
    for mine, other in zip(got, expected, strict=True):
        storage = getattr(other, "storage_metadata", None)
        if storage is not None:
            assert mine.storage_metadata.zarr_metadata == storage.zarr_metadata
        if getattr(other, "sharding_metadata", None) is not None:
            assert type(mine.sharding_metadata) is type(other.sharding_metadata)
            assert repr(mine.sharding_metadata) == repr(other.sharding_metadata)


def test_checkpointables_and_plain_trees_are_converted(readable: Path) -> None:
    whole = orbscan.to_orbax(orbscan.checkpointables_metadata(readable))
    tree = orbscan.to_orbax(orbscan.metadata(readable).metadata)
    assert jax.tree.leaves(whole.metadata["state"]) == jax.tree.leaves(tree)


def test_what_orbax_has_no_class_for_is_refused() -> None:
    leaf = orbscan.ArrayMetadata((2,), np.dtype("int8"), PositionalShardingMetadata((2,)))
    with pytest.raises(ValueError, match="PositionalSharding"):
        orbscan.to_orbax({"a": leaf})
    unreadable = orbscan.UnreadableLeaf(errors.error("malformed", "why", "f"))
    with pytest.raises(orbscan.FormatError, match=r"why .*\['a'\]"):
        orbscan.to_orbax({"a": unreadable})
