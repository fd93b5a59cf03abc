"""The interactive part of a page: the treemap, the leaves and the arrays, as its data.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

import json

from orbscan.reporting.colourings import colourings, most_telling
from orbscan.reporting.kinds import Kind, Meshes
from orbscan.reporting.outline import cut, outline
from orbscan.reporting.texts import Texts, column, weight
from orbscan.showing.text import brackets, counted, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from orbscan.reading.facts import Leaf
    from orbscan.reporting.colourings import Colouring
    from orbscan.reporting.kinds import Mesh
    from orbscan.reporting.outline import Node, Tree

    Chooser: TypeAlias = Callable[
        [Sequence[Node], Sequence[Kind | None], list[Colouring]], list[Colouring]
    ]

_NONE = -1
_FEWEST = 50
_SLACK = 0.9


class Explorer:
    """The leaves of one checkpoint, ready to show.

    Attributes:
        nodes: the nodes of the tree, the first above all others.
        kinds: the kind of each node; None for a node that is not a leaf.
        meshes: the meshes of leaves.
        colourings: the ways to colour leaves.
        first: the name of the initial one.
        left_out: the number of leaves that did not fit.
    """

    __slots__ = ("colourings", "first", "kinds", "left_out", "meshes", "nodes")

    def __init__(self, nodes: list[Node], left_out: int = 0, choose: Chooser | None = None) -> None:
        meshes = Meshes()
        known: dict[int, Kind] = {}
        self.left_out = left_out
        self.nodes = nodes
        self.kinds = [_kind(node.leaf, known, meshes) for node in nodes]
        self.meshes: list[Mesh] = meshes.named()
        every = colourings(nodes, self.kinds)
        self.colourings = every if choose is None else choose(nodes, self.kinds, every)
        self.first = most_telling(self.colourings).name

    def to_dict(self) -> dict[str, object]:
        """Convert it to values for `json.dumps`: columns, and texts by their numbers."""
        texts = Texts()
        kinds = [kind for kind in dict.fromkeys(self.kinds) if kind is not None]
        places = {id(kind): number for number, kind in enumerate(kinds)}
        of_nodes = [_NONE if kind is None else places[id(kind)] for kind in self.kinds]
        return {
            "meshes": [mesh.to_dict() for mesh in self.meshes],
            "colourings": [each.to_dict() for each in self.colourings],
            "first": self.first,
            "kinds": {
                name: column(values)
                for name, values in _kind_columns(kinds, self.meshes, texts).items()
            },
            "nodes": {
                name: column(values)
                for name, values in _node_columns(self.nodes, of_nodes, texts).items()
            },
            "rests": {
                number: [node.leaves, weight(node.memory), weight(node.stored or 0)]
                for number, node in enumerate(self.nodes)
                if node.is_rest
            },
            "leaves": self.nodes[0].leaves,
            "size": len(self.nodes),
            "leftOut": counted(self.left_out, "leaf", "leaves") if self.left_out else "",
            # This comes last: the members above have numbered them.
            "texts": texts.every,
        }


def within(
    trees: Sequence[Tree], budget: int, choose: Chooser | None = None
) -> tuple[Explorer, str]:
    """Return the leaves of a checkpoint, and the same as JSON of at most `budget` bytes.

    Leaves that do not fit are counted in the JSON, and a node stands for them.

    Args:
        trees: of the checkpoint.
        budget: the maximum number of bytes.
        choose: selects the colourings to use, from the nodes, their kinds, and all colourings; None
            to use all.
    """
    nodes = outline(trees)
    explorer = Explorer(nodes, choose=choose)
    while True:
        text = packed(explorer.to_dict())
        most = len(explorer.nodes)
        # Every character of it is ASCII.
        if len(text) <= budget or most <= _FEWEST:
            return explorer, text
        fewer = int(most * _SLACK * budget / len(text))
        explorer = Explorer(*cut(nodes, max(fewer, _FEWEST)), choose)


def packed(value: object) -> str:
    r"""Write JSON that is safe in HTML, whatever texts it contains.

    >>> print(packed(["</script>"]))
    ["\u003c/script>"]
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _kind(leaf: Leaf | None, known: dict[int, Kind], meshes: Meshes) -> Kind | None:
    if leaf is None:
        return None
    # Leaves are distinguished by id, which is safe because the trees hold them.
    kind = known.get(id(leaf))
    if kind is None:
        kind = known[id(leaf)] = Kind(leaf, meshes)
    return kind


def _kind_columns(
    kinds: Sequence[Kind], meshes: list[Mesh], texts: Texts
) -> dict[str, list[int | float]]:
    """Return what is known of each kind, with the names in `tree.js`."""
    number = texts.number

    def shapes(of: Iterable[tuple[int, ...] | None]) -> list[int | float]:
        return [number("" if shape is None else brackets(shape)) for shape in of]

    return {
        "type": [number(kind.type) for kind in kinds],
        "shape": shapes(kind.leaf.shape for kind in kinds),
        "nbytes": [weight(kind.leaf.nbytes) for kind in kinds],
        "size": [number(size(kind.leaf.nbytes)) for kind in kinds],
        "sharding": [number(kind.sharding) for kind in kinds],
        "copies": [kind.copies or 0 for kind in kinds],
        "spec": [number("" if kind.spec is None else packed(kind.spec)) for kind in kinds],
        "mesh": [_NONE if kind.mesh is None else meshes.index(kind.mesh) for kind in kinds],
        "shard": shapes(kind.shard for kind in kinds),
        "shardSize": [number(kind.nbytes_of(kind.shard)) for kind in kinds],
        "chunk": shapes(kind.chunk for kind in kinds),
        "chunkSize": [number(kind.nbytes_of(kind.chunk)) for kind in kinds],
        "codec": [number(kind.codec) for kind in kinds],
        "error": [number(kind.error) for kind in kinds],
    }


def _node_columns(
    nodes: Sequence[Node], kinds: list[int], texts: Texts
) -> dict[str, list[int | float]]:
    """Return what is known of each node, likewise; the page computes sums."""
    number = texts.number
    stored = [0 if node.stored is None else weight(node.stored) for node in nodes]
    return {
        "label": [number(node.label) for node in nodes],
        "parent": [node.parent for node in nodes],
        "count": [node.count for node in nodes],
        "kind": [*kinds],
        # For a single leaf it is that of its kind.
        "memoryText": [
            _NONE if node.leaf is not None and node.count == 1 else number(size(node.memory))
            for node in nodes
        ],
        "stored": [
            each if node.leaf is not None else 0 for node, each in zip(nodes, stored, strict=True)
        ],
        "storedText": [
            _NONE if node.stored is None else number(size(node.stored)) for node in nodes
        ],
        "state": [node.state for node in nodes],
        "note": [number(node.mark[1]) for node in nodes],
    }
