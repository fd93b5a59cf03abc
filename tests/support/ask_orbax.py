"""What Orbax says of the leaves of many checkpoints; to be called by `processes.elsewhere`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from orbax.checkpoint.experimental import v1 as ocp

if TYPE_CHECKING:
    from pathlib import Path

Leaf = list[Any]
"""The keypath of a leaf, then its shape and dtype, or None if Orbax gives it as a value."""


def leaves_of(tree: Any, keypath: tuple[str | int, ...] = ()) -> list[Leaf]:
    """The leaves below a keypath."""
    if isinstance(tree, dict) and tree:
        below = [((*keypath, str(key)), tree[key]) for key in tree]
    elif isinstance(tree, list | tuple) and tree:
        below = [((*keypath, index), child) for index, child in enumerate(tree)]
    else:
        shaped = hasattr(tree, "shape") and hasattr(tree, "dtype")
        return [[[*keypath], [list(tree.shape), str(tree.dtype)] if shaped else None]]
    return [leaf for name, child in below for leaf in leaves_of(child, name)]


def about(paths: list[Path]) -> list[list[Leaf] | None]:
    """The leaves of each checkpoint in the order of its tree; None where Orbax refuses."""
    logging.disable(logging.CRITICAL)
    return [_about(path) for path in paths]


def _about(path: Path) -> list[Leaf] | None:
    try:
        found = ocp.metadata(path).metadata
    except (AssertionError, OSError, KeyError, ValueError, RuntimeError):
        return None
    return None if found is None else leaves_of(found)
