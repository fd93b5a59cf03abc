"""A tree that was written over that of another store: its leaves are lost, the store's are told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Literal

import pytest

import orbscan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Copy = Callable[[str, str], Path]


def leaves_of(checkpoint: Path) -> set[str]:
    """The names of leaves, as verify tells them."""
    return {leaf.param_name for leaf in orbscan.du(checkpoint).leaves}


@pytest.mark.parametrize(
    ("store", "tree"),
    [
        ("o0.12.8-flat/ckpt", "o0.12.8-dtypes/ckpt"),
        ("o0.12.8-zarr3/ckpt", "o0.12.8-dtypes/ckpt"),
        ("o0.12.8-no-ocdbt/ckpt", "o0.12.8-keys-no-ocdbt/digits"),
        ("o0.5.10-flat/ckpt", "o0.5.10-dtypes-zarr3/ocdbt"),
    ],
)
@pytest.mark.parametrize("level", ["index", "data"])
def test_leaves_that_the_store_lacks_are_lost_and_its_arrays_are_told(
    copy: Copy, store: str, tree: str, level: Literal["index", "data"]
) -> None:
    checkpoint, other = copy(store, "ckpt"), copy(tree, "other")
    there, named = leaves_of(checkpoint), leaves_of(other)
    shutil.copyfile(other / "_METADATA", checkpoint / "_METADATA")
    report = orbscan.verify(checkpoint, level=level)
    assert {leaf.param_name for leaf in report.lost_leaves} == named
    codes = {finding.code for finding in report.findings if finding.severity == "error"}
    assert codes == {"leaf-unreadable"}
    (lost, *_) = (finding for finding in report.findings if finding.code == "leaf-unreadable")
    assert "does not exist" in lost.reason or "has no key" in lost.reason
    strays = [f for f in report.findings if f.code == "array-without-leaf"]
    assert len(strays) == len(there)
    with pytest.raises(orbscan.FormatError):
        orbscan.metadata(checkpoint)


def test_one_leaf_under_another_name(copy: Copy) -> None:
    checkpoint = copy("o0.12.8-flat/ckpt", "ckpt")
    tree = checkpoint / "_METADATA"
    tree.write_text(tree.read_text().replace("kernel", "weight"))
    report = orbscan.verify(checkpoint)
    assert report.lost_leaves == ((None, ("params", "dense", "weight"), "params.dense.weight"),)
    (stray,) = (f for f in report.findings if f.code == "array-without-leaf")
    assert "params.dense.kernel" in stray.reason
