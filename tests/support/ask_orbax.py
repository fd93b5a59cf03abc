"""What Orbax says of the leaves of many checkpoints: paths on stdin, one JSON document on stdout.

A list with an item for each path: null where Orbax refuses, or silently has nothing; otherwise the
leaves in the order of the tree, each with its keypath and its shape and dtype, or null if
Orbax gives it as a value.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from orbax.checkpoint.experimental import v1 as ocp


def leaves_of(tree: Any, keypath: tuple[str | int, ...] = ()) -> list[Any]:
    """The leaves below a keypath."""
    if isinstance(tree, dict) and tree:
        below = [((*keypath, str(key)), tree[key]) for key in tree]
    elif isinstance(tree, list | tuple) and tree:
        below = [((*keypath, index), child) for index, child in enumerate(tree)]
    else:
        shaped = hasattr(tree, "shape") and hasattr(tree, "dtype")
        return [(keypath, [list(tree.shape), str(tree.dtype)] if shaped else None)]
    return [leaf for name, child in below for leaf in leaves_of(child, name)]


def answer(path: str) -> list[Any] | None:
    """What Orbax says of one checkpoint."""
    try:
        found = ocp.metadata(path).metadata
    except (OSError, KeyError, ValueError, RuntimeError):
        return None
    return None if found is None else leaves_of(found)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    sys.stdout.write(json.dumps([answer(path) for path in sys.stdin.read().splitlines()]))
