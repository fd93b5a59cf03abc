"""The leaves of a tree, by their keypaths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(tree: Any, keypath: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The leaves of a tree in order, each with its keypath; empty containers are leaves."""
    waiting = [(keypath, tree)]
    while waiting:
        at, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += [((*at, key), node[key]) for key in reversed(node)]
        elif isinstance(node, list | tuple) and node:
            waiting += [((*at, index), node[index]) for index in reversed(range(len(node)))]
        else:
            yield at, node
