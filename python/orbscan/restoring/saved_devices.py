"""Checks whether the devices of a save are available, before Orbax needs them.

If no sharding is given, Orbax uses that of the save, logs a line for each array whose devices are
missing, and then fails without mentioning devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.model.leaves import ArrayMetadata
from orbscan.restoring.abstract import on_saved_devices

if TYPE_CHECKING:
    import jax

    from orbscan.model.result import PyTreeMetadata


def matter() -> bool:
    """Return whether Orbax's own handlers load everything; others may have other needs."""
    from orbscan.reading.orbax_context import has_plain_handlers

    return has_plain_handlers()


def check(saved: PyTreeMetadata, abstract: Any) -> None:
    """Check that the devices exist for arrays that get the sharding of the save.

    Args:
        saved: the tree from `orbscan.metadata`.
        abstract: the abstract state for Orbax: None, or a tree.

    Raises:
        MissingDevicesError: this process does not have the devices.
        ShardingError: the devices are not known; says for which leaf.
    """
    import jax

    wanted: set[tuple[str, ...]] | None = None
    if abstract is not None:
        leaves = jax.tree_util.tree_leaves_with_path(abstract)
        wanted = {_keys(path) for path, leaf in leaves if _takes_saved_sharding(leaf)}
    if wanted == set():
        return

    def kept(path: jax.tree_util.KeyPath[Any], leaf: object) -> ArrayMetadata | None:
        is_wanted = wanted is None or _keys(path) in wanted
        return leaf if isinstance(leaf, ArrayMetadata) and is_wanted else None

    on_saved_devices(jax.tree_util.tree_map_with_path(kept, saved))


def _takes_saved_sharding(leaf: object) -> bool:
    import jax

    if isinstance(leaf, type):
        return issubclass(leaf, jax.Array | jax.ShapeDtypeStruct)
    return isinstance(leaf, jax.ShapeDtypeStruct) and leaf.sharding is None


def _keys(path: jax.tree_util.KeyPath[Any]) -> tuple[str, ...]:
    """Return the keys of a keypath as they are saved, whatever their containers are."""
    return tuple(
        str(next(getattr(entry, name) for name in ("key", "idx", "name") if hasattr(entry, name)))
        for entry in path
    )
