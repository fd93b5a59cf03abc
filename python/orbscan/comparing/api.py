"""The public function: `orbscan.diff`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orbscan.differing import aspects
from orbscan.differing.columns import side_of_checkpoint
from orbscan.differing.difference import difference
from orbscan.reading import api
from orbscan.reading.paths import place_in_store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from orbscan.aliases import Atomicity, Name, StepChoice, StoreOptions
    from orbscan.differing.amount import Progress
    from orbscan.differing.diff import Diff
    from orbscan.differing.side import Side
    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata


def diff(  # noqa: PLR0913 - keywords, each with a meaning of its own
    a: str | os.PathLike[str] | CheckpointMetadata[Any] | PyTreeMetadata,
    b: str | os.PathLike[str] | CheckpointMetadata[Any] | PyTreeMetadata,
    name: Name = ...,
    *,
    other_name: Name = ...,
    step: StepChoice | None = None,
    other_step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
    rich_types: bool = False,
    ignore: Collection[str] = (),
    strict: bool = False,
    values: bool = False,
    progress: Callable[[Progress], object] | None = None,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Diff:
    """Compare two checkpoints, two abstract trees, or one of each.

    Reads no array data, unless `values` are compared. A property that is known on one side only
    does not count as a difference, such as the sharding of a `jax.ShapeDtypeStruct` without one.

    If both are paths, all checkpointables are compared by name. A checkpointable that only one side
    has is removed or added; the content of one that is not a pytree is not compared. If each side
    has exactly one pytree, the two are compared even if their names differ; the name is then a
    difference.

    Two leaves are the same leaf if the names in their keypaths are equal as text. A checkpoint does
    not keep more than that: an attribute of an object, a field of a namedtuple and an integer key
    of a dict all appear as keys of a dict. So a list and a dict with the keys `0`, `1` have the
    same leaves, and only the containers are different.

    Args:
        a: a path; a result of `orbscan.metadata`; or a tree, whose leaves can be those of orbscan,
            `jax.ShapeDtypeStruct`, arrays of jax or numpy, scalars. It can hold anything that jax
            treats as a tree, such as a `TrainState` or `nnx.State`. A string is always a path.
        b: likewise.
        name: the one checkpointable to compare, as for `orbscan.metadata`: a name, None for the
            tree of a checkpoint itself, or `AUTO`. It applies to each side that is a path. By
            default all; for a path that is compared with a tree, `AUTO`.
        other_name: the name for `b`, if it is another one.
        step: which step, as for `orbscan.metadata`; for each side that is a path.
        other_step: which step of `b`, if it is another one. In this way, two steps of one root can
            be compared.
        atomicity: as for `orbscan.metadata`; for each side that is a path.
        allow_uncommitted: as for `orbscan.metadata`; for each side that is a path.
        rich_types: whether tuples and namedtuples are distinguished from lists and dicts, when
            paths are read and when trees are compared. Not every writer has recorded them.
        ignore: properties that are not differences, in addition to `devices` and `storage`: `name`
            (of the only pytrees of both sides), `kind`, `shape`, `dtype`, `sharding` (how arrays
            are split, by which mesh), `devices` (which ones the mesh has), `storage` (OCDBT or
            files, chunks, compression), `container` (a list where the other has a dict).
        strict: whether `devices` and `storage` count as differences, too.
        values: whether to compare values, too: of the leaves that have the same shape on both
            sides, a part at a time. Arrays that are stored as the same bytes are not decoded. Needs
            tensorstore for a path.
        progress: called now and then while values are compared; an exception from it ends the call.
        store: as for `orbscan.metadata`; for each side that is a URL.
        store_options: as for `orbscan.metadata`; for each side that is a URL.

    Raises:
        ImportError: tensorstore is needed but not installed.
        ValueError: `ignore` has another word; two keys of one dict are equal as text; or as
            `orbscan.metadata` raises it.
        TypeError: `ignore` is a string.
        OrbscanError: as `orbscan.metadata` does for a path. If there are several pytrees, one that
            cannot be read is a finding.

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
    alone = not (_is_path(a) and _is_path(b))
    names = names_of_sides(name, other_name, alone=alone)
    given: tuple[Any, Any] = (a, b)
    sides = []
    for side, its_name, its_step in zip(given, names, steps, strict=True):
        if _is_path(side):
            read = side_of_path(
                place_in_store(
                    side, its_step, atomicity=atomicity, store=store, store_options=store_options
                ),
                its_name,
                rich_types=rich_types,
                atomicity=atomicity,
                allow_uncommitted=allow_uncommitted,
            )
        else:
            read = _side_in_memory(side)
        sides.append(read)
    comparer = None
    if values:
        from orbscan.comparing.values import Values

        comparer = Values(*sides, atomicity=atomicity, progress=progress)
    left_out = aspects.left_out(ignore, strict=strict)
    return difference(*sides, ignore=left_out, rich_types=rich_types, values=comparer)


def names_of_sides(name: Name, other_name: Name, *, alone: bool = False) -> tuple[Name, Name]:
    """Determine which checkpointable of each side is read, or `...` for all.

    Args:
        name: the name for both sides.
        other_name: the name for the second side, if it is another one.
        alone: whether only one of each side can be compared.

    >>> names_of_sides(..., ...), names_of_sides("a", ...), names_of_sides(..., "b")
    ((Ellipsis, Ellipsis), ('a', 'a'), ('AUTO', 'b'))
    """
    if name is ... and other_name is ... and not alone:
        return ..., ...
    one = api.AUTO if name is ... else name
    return one, one if other_name is ... else other_name


def side_of_path(
    path: str,
    name: Name,
    *,
    rich_types: bool,
    atomicity: Atomicity = "auto",
    allow_uncommitted: bool = False,
) -> Side:
    """Read one checkpointable, or with `...` all of them.

    Raises as `orbscan.metadata` does; if there are several pytrees, one that can be read is enough.
    """
    if name is ...:
        everything = api.read_everything(
            path,
            rich_types=rich_types,
            atomicity=atomicity,
            allow_uncommitted=allow_uncommitted,
        )
        return side_of_checkpoint(path, everything)
    path, read = api.read_pytree(
        path,
        name,
        rich_types=rich_types,
        atomicity=atomicity,
        allow_uncommitted=allow_uncommitted,
    )
    return side_of_checkpoint(path, read, api.others(path, read))


def _is_path(side: Any) -> bool:
    return isinstance(side, str | os.PathLike)


def _side_in_memory(side: Any) -> Side:
    from orbscan.differing.values import side_of_tree
    from orbscan.model.result import CheckpointMetadata

    if isinstance(side, CheckpointMetadata):
        return side_of_tree(side.metadata, str(side.path), side.issues, has_values=False)
    return side_of_tree(side, "tree")


def _check(ignore: Collection[str]) -> None:
    if isinstance(ignore, str):
        message = f"ignore must be a collection of words, such as {{{ignore!r}}}, not one string"
        raise TypeError(message)
    unknown = sorted(set(ignore) - set(aspects.ASPECTS))
    if unknown:
        message = f"cannot ignore {unknown[0]!r}, only {', '.join(aspects.ASPECTS)}"
        raise ValueError(message)
