"""The public function: `orbscan.diff`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orbscan import api
from orbscan.differing import aspects
from orbscan.differing.columns import outline_of_checkpoint
from orbscan.differing.difference import difference

if TYPE_CHECKING:
    from collections.abc import Collection

    from orbscan.differing.diff import Diff
    from orbscan.differing.outline import Outline
    from orbscan.result import CheckpointMetadata, PyTreeMetadata
    from orbscan.step_choice import StepChoice


def diff(  # noqa: PLR0913 - keywords, each with a meaning of its own
    a: str | os.PathLike[str] | CheckpointMetadata[Any] | PyTreeMetadata,
    b: str | os.PathLike[str] | CheckpointMetadata[Any] | PyTreeMetadata,
    checkpointable_name: str | None = api.AUTO,
    *,
    step: StepChoice | None = None,
    other_step: StepChoice | None = None,
    rich_types: bool = False,
    ignore: Collection[str] = aspects.IGNORED,
) -> Diff:
    """Say where two trees differ: two checkpoints, two abstract trees, or one of each.

    Reads no array data. What is known of one side only, such as the sharding of a
    `jax.ShapeDtypeStruct` without one, is not different; values are not known of any checkpoint.

    Leaves are the same leaf if the names on their way are the same as text, since that is all a
    checkpoint keeps: an attribute of an object, a field of a namedtuple and an integer key of a
    dict are found as the keys of a dict. So a list and a dict with the keys `0`, `1` have the same
    leaves, and are a difference of the container alone.

    Args:
        a: a path; what `orbscan.metadata` returned; or a tree, whose leaves can be those of
            orbscan, `jax.ShapeDtypeStruct`, arrays of jax or numpy, scalars. It can hold whatever
            jax takes for a tree, such as a `TrainState` or `nnx.State`. A string is always a path.
        b: likewise.
        checkpointable_name: which pytree of a checkpoint, as for `orbscan.metadata`; for paths.
        step: which step, as for `orbscan.metadata`; of each side that is a path.
        other_step: which step of `b`, if it is another one. So two steps of one root are compared.
        rich_types: whether tuples and namedtuples are told from lists and dicts: they are read so
            from paths, and compared so everywhere. A writer need not have recorded them.
        ignore: what makes no difference: members of `kind`, `shape`, `dtype`, `sharding` (how
            arrays are split, by which mesh), `devices` (which ones the mesh has), `storage`
            (chunks and compression), `container` (a list where the other has a dict).

    Raises:
        ValueError: `ignore` has another word; two keys of one dict are the same as text; or as
            `orbscan.metadata` raises it.
        TypeError: `ignore` is a string.
        OrbscanError: as `orbscan.metadata` does for a path.

    >>> import numpy as np
    >>> before = {"params": {"w": np.zeros((4, 8)), "b": np.zeros(8)}}
    >>> after = {"model": {"params": {"w": np.zeros((4, 8)), "b": np.zeros(8)}}, "step": 0}
    >>> found = diff(before, after)
    >>> bool(found), [leaf.path for leaf in found.added]
    (True, ['model/params/w', 'model/params/b', 'step'])
    >>> [str(rename) for rename in found.renamed]
    ['params -> model/params']
    """
    _check(ignore)
    steps = (step, step if other_step is None else other_step)
    sides = (
        _outline(side, checkpointable_name, its_step, rich_types=rich_types)
        for side, its_step in zip((a, b), steps, strict=True)
    )
    return difference(*sides, ignore=ignore, rich_types=rich_types)


def _outline(side: Any, name: str | None, step: StepChoice | None, *, rich_types: bool) -> Outline:
    if isinstance(side, str | os.PathLike):
        path = api.local_path(side, step)
        return outline_of_checkpoint(path, api.read_pytree(path, name, rich_types=rich_types))
    from orbscan.differing.values import outline_of_tree
    from orbscan.result import CheckpointMetadata

    if isinstance(side, CheckpointMetadata):
        notes = tuple(map(str, side.issues))
        return outline_of_tree(side.metadata, str(side.path), notes)
    return outline_of_tree(side, "tree")


def _check(ignore: Collection[str]) -> None:
    if isinstance(ignore, str):
        message = f"ignore must be a collection of words, such as {{{ignore!r}}}, not one string"
        raise TypeError(message)
    unknown = sorted(set(ignore) - set(aspects.ASPECTS))
    if unknown:
        message = f"cannot ignore {unknown[0]!r}, only {', '.join(aspects.ASPECTS)}"
        raise ValueError(message)
