"""A tree as columns, ready to be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orbscan.differing.leaf import LeafSummary

    Container = tuple[int, str, int, int]

DICT = "dict"
LIST = "list"
TUPLE = "tuple"
NAMEDTUPLE = "namedtuple"

KEYED = frozenset({DICT, NAMEDTUPLE})
"""The kinds of containers whose members have names."""


class Outline(NamedTuple):
    """A tree with a row for each node, breadth first: node 0 is the root.

    Attributes:
        node_keys: the name of each node; None below a list or tuple.
        node_leaves: the index into `leaves` of each node; -1 for a container.
        containers: (node, kind, low, high), deepest first: the children are the nodes from low to
            high. None of them is empty: an empty container is a leaf.
        leaves: the leaves, which nodes may share.
    """

    node_keys: list[str | None]
    node_leaves: list[int]
    containers: list[Container]
    leaves: list[LeafSummary]
