"""A tree of metadata as columns, for a forest."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any, NamedTuple

from orbscan._imports import importing
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, own

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator


class _Fact(NamedTuple):
    """The facts about a leaf that a forest needs."""

    value: object
    elements: int
    nbytes: int


class Tree:
    """The columns of a tree of metadata, for a forest."""

    def __init__(self, tree: object) -> None:
        """Lay a tree out breadth first: children next to each other, and after their parent."""
        self.node_keys: list[str | None] = []
        self.node_leaves: list[int] = []
        self.containers: list[tuple[int, Hashable, int, int]] = []
        self.facts: list[_Fact] = []
        self.depth = 0
        known: dict[Hashable, int] = {}
        nodes: list[tuple[str | None, object, int]] = [(None, tree, 0)]
        # The list grows during the loop.
        for position, (name, node, level) in enumerate(nodes):
            self.depth = level
            self.node_keys.append(name)
            if isinstance(node, dict | list | tuple) and node:
                low = len(nodes)
                nodes += [(key, child, level + 1) for key, child in _members(node)]
                self.node_leaves.append(-1)
                self.containers.append((position, type(node), low, len(nodes)))
            else:
                # Equal leaves are mostly one object, but empty containers never are.
                identity = type(node) if isinstance(node, dict | list | tuple) else id(node)
                number = known.setdefault(identity, len(self.facts))
                if number == len(self.facts):
                    self.facts.append(_fact(node))
                self.node_leaves.append(number)
        self.containers.reverse()

    def parameter_nodes(self) -> bytes:
        """Return for each node whether it belongs to the parameters: 1 or 0."""
        with importing:
            from orbscan import _core

        (marks,) = _core.parameter_nodes([(None, self.node_keys, self.containers)])
        return marks

    def parameters(self) -> int:
        """Return the elements of all arrays that belong to the parameters."""
        marked = compress(self.node_leaves, self.parameter_nodes())
        return sum(self.facts[leaf].elements for leaf in marked if leaf >= 0)


def _members(node: dict[Any, object] | list[object] | tuple[object, ...]) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from ((str(key), child) for key, child in node.items())
    else:
        names = getattr(node, "_fields", None) or [None] * len(node)
        yield from zip(names, node, strict=True)


def _fact(leaf: object) -> _Fact:
    leaf = own(leaf)
    if not isinstance(leaf, ArrayMetadata | NumpyMetadata):
        return _Fact(leaf, 0, 0)
    is_key = isinstance(leaf, ArrayMetadata) and leaf.prng_impl is not None
    return _Fact(leaf, 0 if is_key else leaf.size, leaf.nbytes)
