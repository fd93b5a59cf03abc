"""The same metadata as in Orbax's older interface, V0.

Its leaves also have a name and a directory, and their classes differ from those of V1: scalars and
strings are not values, but have their own metadata. Most public code still uses these classes.
"""

from __future__ import annotations

import json
from functools import partial
from inspect import signature
from typing import TYPE_CHECKING, Any

from orbscan.errors import OrbscanError
from orbscan.model.dtypes import dtype_named
from orbscan.model.leaves import (
    ArrayMetadata,
    NumpyMetadata,
    UnreadableLeaf,
    UnsupportedLeaf,
    own,
    raise_unreadable,
)
from orbscan.model.saved_tree import SavedTree
from orbscan.places import join
from orbscan.restoring.orbax_values import Values, module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import jax

    from orbscan.model.result import CheckpointMetadata, PyTreeMetadata

TREE_FILE = "_METADATA"
"""The file of a pytree, as in `rust/orbscan-core/src/orbax/names.rs`."""

_OF_SCALARS = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
"""The types as which Python's own scalars are saved."""


def step_metadata(read: CheckpointMetadata[Any]) -> Any:
    """Make the `StepMetadata` of a checkpoint, as V0 returns it.

    Unlike V0's, it does not contain how long the save took.

    Raises:
        OrbscanError: the error of an `UnreadableLeaf` in the tree, with the keypath of the leaf.
        ValueError: an array has a sharding for which Orbax has no class; or V0 does not accept the
            tree, such as None.
    """
    theirs = module("checkpoint")
    values = Values()
    contents = read._contents  # noqa: SLF001 - for use within orbscan only
    saved = {tree.keypath: tree for tree in read._saved_trees()}  # noqa: SLF001
    if saved and () not in saved:
        items: Any = theirs.CompositeItemMetadata(
            **{
                name: tree_metadata(
                    tree,
                    _directory(read, name),
                    saved[(name,)],
                    values,
                    document=_document(read, name),
                )
                if (name,) in saved
                else None
                for name, tree in read.metadata.items()
            }
        )
    else:
        tree = saved.get((), SavedTree(None, ()))
        items = tree_metadata(
            read.metadata,
            _directory(read, tree.name),
            tree,
            values,
            document=_document(read, tree.name),
        )
    return theirs.StepMetadata(
        item_handlers=None if contents is None else contents.handlers,
        item_metadata=items,
        init_timestamp_nsecs=read.init_timestamp_nsecs,
        commit_timestamp_nsecs=read.commit_timestamp_nsecs,
        custom_metadata=read.custom_metadata or {},
    )


def tree_metadata(  # noqa: PLR0913 - keywords, each with a meaning of its own
    tree: PyTreeMetadata,
    directory: Any,
    saved: SavedTree | None = None,
    values: Values | None = None,
    *,
    document: Mapping[str, Any] | None = None,
    convert: Callable[[PyTreeMetadata], PyTreeMetadata] | None = None,
) -> Any:
    """Make the `TreeMetadata` of a pytree, as V0 returns it; before 0.11 only the tree.

    Args:
        tree: the tree of orbscan's leaves; other leaves are kept.
        directory: the directory of the pytree, for its leaves.
        saved: properties that its leaves do not have.
        values: converts shardings; pass the same one to share them with other trees.
        document: the file of the tree, from which the members beside the tree are taken.
        convert: makes leaves other than those of V0, which are then wrapped.

    Raises:
        Exception: as `step_metadata` does.
    """
    saved = SavedTree(None, ()) if saved is None else saved
    made = (convert or _Leaves(directory, saved, values or Values()).of)(tree)
    build = getattr(module("tree"), "build_default_tree_metadata", None)
    if build is None:
        return made
    said = {} if document is None else document
    format_ = {"use_zarr3": said.get("use_zarr3", False)}
    is_told = "use_zarr3" in signature(build).parameters
    custom = said.get("custom_metadata")
    return build(made, custom_metadata=custom, **(format_ if is_told else {}))


def _document(read: CheckpointMetadata[Any], name: str | None) -> Mapping[str, Any]:
    """The file of a tree, if it can still be read: its members are rarely used."""
    from orbscan import _core

    place = join(str(read.path), *([] if name is None else [name]), TREE_FILE)
    try:
        content = _core.read_file(place)
        found = json.loads(content or b"{}")
    except (OrbscanError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _directory(read: CheckpointMetadata[Any], name: str | None) -> Any:
    from etils import epath

    return epath.Path(read.path if name is None else read.path / name)


class _Leaves:
    """Makes the leaves of one tree."""

    def __init__(self, directory: Any, saved: SavedTree, values: Values) -> None:
        self._theirs: Any = module("value")
        self._directory = directory
        self._values = values
        self._scalars = {tuple(map(str, keypath)): dtype for keypath, dtype in saved.scalars}
        # The shared values of objects in many places, by the ids of these objects.
        self._known: dict[int, tuple[object, Callable[..., object]]] = {}

    def of(self, tree: PyTreeMetadata) -> PyTreeMetadata:
        """Convert a tree, keeping its containers."""
        import jax

        return jax.tree_util.tree_map_with_path(self._leaf, tree)

    def _leaf(self, path: jax.tree_util.KeyPath[Any], leaf: object) -> object:
        keys = tuple([str(_key(entry)) for entry in path])
        make = self._maker(keys, leaf, path)
        return leaf if make is None else make(name=".".join(keys))

    def _maker(
        self, keys: tuple[str, ...], leaf: object, path: jax.tree_util.KeyPath[Any]
    ) -> Callable[..., object] | None:
        """Return a function that makes the leaf with its name; None for a foreign leaf."""
        if type(leaf) in _OF_SCALARS:
            dtype = self._scalars.get(keys, _OF_SCALARS[type(leaf)])
            return partial(
                self._theirs.ScalarMetadata, directory=self._directory, dtype=dtype_named(dtype)
            )
        if isinstance(leaf, str):
            return partial(self._theirs.StringMetadata, directory=self._directory)
        leaf = own(leaf)
        if isinstance(leaf, UnreadableLeaf):
            import jax

            raise_unreadable(leaf, jax.tree_util.keystr(path))
        if isinstance(leaf, UnsupportedLeaf):
            # This is all that Orbax itself knows, if the handler does not say more.
            return partial(self._theirs.Metadata, directory=self._directory)
        if not isinstance(leaf, ArrayMetadata | NumpyMetadata):
            return None
        known = self._known.get(id(leaf))
        if known is None:
            known = self._known[id(leaf)] = leaf, self._array(leaf)
        return known[1]

    def _array(self, leaf: ArrayMetadata | NumpyMetadata) -> Callable[..., object]:
        saved = leaf.sharding_metadata if isinstance(leaf, ArrayMetadata) else None
        return partial(
            self._theirs.ArrayMetadata,
            directory=self._directory,
            shape=leaf.shape,
            sharding=self._values.sharding(saved),
            dtype=leaf.dtype,
            storage=self._values.storage(leaf.storage_metadata),
        )


def _key(entry: Any) -> object:
    """Return the name of an entry of a keypath of jax."""
    for name in ("key", "idx", "name"):
        if hasattr(entry, name):
            return getattr(entry, name)
    return entry
