"""The treemap of a result, as a static picture for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orbscan.drawing.palette import category
from orbscan.drawing.svg import Picture
from orbscan.drawing.tiles import LEGEND, Tile, draw_legend, draw_treemap, legend_lines
from orbscan.model.leaves import ArrayMetadata
from orbscan.model.text import leaf_text
from orbscan.showing.keypaths import joined, key_entry
from orbscan.showing.text import counted, size

if TYPE_CHECKING:
    from orbscan.drawing.treemap import Cell
    from orbscan.model.columns import Tree
    from orbscan.showing.forest import Forest

MOST_CELLS = 60
_WIDTH, _HEIGHT = 760, 260
_LONGEST = 120

# Anything with a smaller share of the whole is not divided: there is no room for its parts.
_LEAST = 2_000


class _Node(NamedTuple):
    """A node that can be drawn, or the rest of several.

    Attributes:
        label: its entry of the keypath.
        parent: its number; -1 for the first.
        nbytes: of all leaves that it stands for.
        leaves: how many that are.
        leaf: the number of its fact; None for a node that is not a leaf.
    """

    label: str
    parent: int
    nbytes: int
    leaves: int
    leaf: int | None


def treemap(tree: Tree, forest: Forest) -> str:
    """Draw the leaves of a tree by their bytes, coloured by type; nothing if only one has bytes."""
    nodes = _nodes(forest)
    if not any(0 < node.nbytes < forest.total.nbytes for node in nodes):
        return ""
    types = _types(tree, forest)
    paints = {name: category(number) for number, name in enumerate(types)}
    legend = [
        (name, paints[name], size(nbytes))
        for name, nbytes in types.items()
        if paints[name] != "other"
    ]
    tall = _HEIGHT + 10 + LEGEND * legend_lines(legend, _WIDTH)
    picture = Picture(_WIDTH, tall, "Treemap of bytes by keypath")

    def tile_of(cell: Cell) -> Tile:
        node = nodes[cell.nodes[-1]]
        label = joined(nodes[at].label for at in cell.nodes)[:_LONGEST]
        if cell.gathered:
            held = [nodes[at] for at in cell.gathered]
            leaves = counted(sum(each.leaves for each in held), "leaf", "leaves")
            amount = size(sum(each.nbytes for each in held))
            return Tile(f"… {leaves}", amount, f"{label}: {leaves}, {amount}", None)
        amount = size(node.nbytes)
        if node.leaf is None:
            title = f"{label}, {counted(node.leaves, 'leaf', 'leaves')}, {amount}"
            return Tile(label, amount, title, None)
        leaf = tree.facts[node.leaf].value
        title = f"{label}, {leaf_text(leaf)[:_LONGEST]}"
        return Tile(label, amount, title, paints[_type(leaf)])

    parents, amounts = [node.parent for node in nodes], [node.nbytes for node in nodes]
    draw_treemap(picture, parents, amounts, tile_of, _WIDTH, _HEIGHT, most=MOST_CELLS)
    draw_legend(picture, legend, _HEIGHT + 10, _WIDTH)
    return str(picture)


def _nodes(forest: Forest) -> list[_Node]:
    """The nodes that are large enough to be drawn, and one for all others of a container."""
    total = forest.total
    nodes = [_Node(".", -1, total.nbytes, total.leaves, forest.leaf(0))]
    waiting = [(0, 0, 1)]
    while waiting:
        node, number, times = waiting.pop()
        if forest.leaf(node) is not None:
            continue
        leaves = nbytes = 0
        for entry, child, alike in forest.children(node, folded=True):
            held, every = forest.held(child), times * alike
            if held.nbytes * every * _LEAST < total.nbytes:
                leaves += held.leaves * every
                nbytes += held.nbytes * every
                continue
            shown = f" x{every:,}" if alike > 1 else ""
            waiting.append((child, len(nodes), every))
            label = f"{key_entry(entry)}{shown}"
            nodes.append(
                _Node(label, number, held.nbytes * every, held.leaves * every, forest.leaf(child))
            )
        if nbytes:
            nodes.append(
                _Node(f"… {counted(leaves, 'leaf', 'leaves')}", number, nbytes, leaves, None)
            )
    return nodes


def _types(tree: Tree, forest: Forest) -> dict[str, int]:
    """The bytes of each element type, the largest first."""
    found: dict[str, int] = {}
    for fact, times in zip(tree.facts, forest.counts(), strict=True):
        if fact.nbytes:
            name = _type(fact.value)
            found[name] = found.get(name, 0) + fact.nbytes * times
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


def _type(leaf: object) -> str:
    is_key = isinstance(leaf, ArrayMetadata) and leaf.prng_impl is not None
    return "key" if is_key else f"{getattr(leaf, 'dtype', '')}"
