"""Loading trees with leaves of handlers that the program registers with Orbax.

Handlers are registered with Orbax's older interface, `ocp.type_handlers.register_type_handler`. The
newer interface, V1, has a separate registry for each handler of pytrees, without the old handlers:
it refuses the whole tree, so such a tree is restored by the older interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan.model.leaves import NumpyMetadata, UnsupportedLeaf
from orbscan.reading.orbax_context import has_plain_handlers

if TYPE_CHECKING:
    from orbscan import _core
    from orbscan.aliases import ErrorKind


def words(found: _core.Checkpoint | None, wanted: Any) -> set[str]:
    """Name the handlers that a load needs in addition to Orbax's own.

    Args:
        found: the result of reading the checkpoint; None if it was not read.
        wanted: what to load; None for all.
    """
    tables = [] if found is None else [table for _, table in found.items if table is not None]
    saved = {leaf[6][0] for table in tables for leaf in table.leaves if leaf[6] is not None}
    if wanted is None or not saved:
        return saved
    import jax

    return {leaf.typestr for leaf in jax.tree.leaves(wanted) if isinstance(leaf, UnsupportedLeaf)}


def are_registered(wanted: set[str], directory: str) -> bool:
    """Return whether the older interface has all of these handlers.

    Returns:
        False if it does not, but the context has a custom handler for pytrees, which may have them.

    Raises:
        FormatError: it does not, and nothing else can have them.
    """
    from orbax.checkpoint import type_handlers

    missing = sorted(word for word in wanted if not type_handlers.has_type_handler(word))
    if missing and has_plain_handlers():
        kind: ErrorKind = "unsupported"
        reason = (
            f"leaves of the custom handler {missing[0]!r} need that handler: register it with "
            "orbax.checkpoint.type_handlers.register_type_handler, and load again"
        )
        raise errors.error(kind, reason, directory)
    return not missing


def restore(directory: str, wanted: Any) -> Any:
    """Restore a pytree through the older interface; `wanted` is what `load` passes to Orbax.

    Raises:
        Exception: whatever Orbax raises.
    """
    import jax
    import orbax.checkpoint as ocp
    from etils import epath

    arguments = ocp.args.PyTreeRestore()
    if wanted is not None:
        made = jax.tree.map(_restore_args, wanted)
        arguments = ocp.args.PyTreeRestore(item=wanted, restore_args=made)
    return ocp.PyTreeCheckpointHandler().restore(epath.Path(directory), args=arguments)


def _restore_args(leaf: Any) -> Any:
    import jax
    import numpy as np
    import orbax.checkpoint as ocp

    # A class means that the metadata decides.
    if isinstance(leaf, UnsupportedLeaf | type):
        return ocp.RestoreArgs()
    if isinstance(leaf, NumpyMetadata):
        return ocp.RestoreArgs(restore_type=np.ndarray, dtype=leaf.dtype)
    if isinstance(leaf, jax.ShapeDtypeStruct) and leaf.sharding is None:
        # As in V1, and not as an array of numpy.
        return ocp.ArrayRestoreArgs(dtype=leaf.dtype)
    return ocp.checkpoint_utils.construct_restore_args(leaf)
