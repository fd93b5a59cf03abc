"""What must hold for a checkpoint, whichever library has written it by its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import orbax.checkpoint as v0
from etils import epath
from orbax.checkpoint.experimental import v1

import orbscan
import orbscan.orbax
from tests.restoring.v0 import facts
from tests.support.answers import describe_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def agree(path: Path) -> int:
    """Hold every answer about a checkpoint against Orbax's; how many leaves it has.

    Every directory in it that has a `_METADATA` is asked about by the older interface, with and
    without the patch, and every pytree by the newer one.
    """
    trees = sorted(file.parent for file in path.rglob("_METADATA"))
    assert trees, "no pytree was written"
    leaves = 0
    for directory in trees:
        theirs = v0.PyTreeCheckpointHandler().metadata(epath.Path(directory))
        before = orbscan.orbax.answered().by_orbscan
        with orbscan.orbax.patched():
            ours = v0.PyTreeCheckpointHandler().metadata(epath.Path(directory))
        assert orbscan.orbax.answered().by_orbscan == before + 1, orbscan.orbax.answered()
        assert facts(ours) == facts(theirs), directory
        leaves += len(jax.tree.leaves(ours.tree))
        assert _newer(directory), directory
    for directory in trees:
        report = orbscan.verify(_place(directory)[0])
        assert report.ok, report
    return leaves


def _newer(directory: Path) -> bool:
    """Whether the newer interface gives the tree of a directory as orbscan does."""
    checkpoint, name = _place(directory)
    theirs = v1.metadata(checkpoint, name).metadata
    ours = orbscan.metadata(checkpoint, name).metadata
    return bool(describe_tree(ours, "") == describe_tree(theirs, ""))


def _place(directory: Path) -> tuple[Path, str | None]:
    """The checkpoint of a pytree, and its name there."""
    if v1.is_orbax_checkpoint(directory):
        return directory, None
    return directory.parent, directory.name


def same_with_and_without(restore: Callable[[], Any]) -> Any:
    """Restore by the code of a library twice, and compare; what it gave."""
    plain = restore()
    before = orbscan.orbax.answered()
    with orbscan.orbax.patched():
        patched = restore()
    after = orbscan.orbax.answered()
    assert after != before, "the library asks for no metadata"
    one, two = (jax.tree.leaves(tree) for tree in (plain, patched))
    assert repr(jax.tree.structure(plain)) == repr(jax.tree.structure(patched))
    for this, that in zip(one, two, strict=True):
        assert type(this) is type(that)
        assert np.array_equal(np.asarray(this), np.asarray(that)), (this, that)
        assert getattr(this, "sharding", None) == getattr(that, "sharding", None)
    return plain
