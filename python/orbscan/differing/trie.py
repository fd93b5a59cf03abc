"""From keypaths back to a tree, so that leaves with the same difference are folded as siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from orbscan.showing.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.aliases import Keypath


class Fact(NamedTuple):
    """What is shown of a leaf; equal facts are folded.

    Attributes:
        text: the text.
        elements: its elements, if it is an array and not a PRNG key.
        nbytes: not shown.
    """

    text: str
    elements: int = 0
    nbytes: int = 0


class Columns(NamedTuple):
    """A tree of the given keypaths only, for `orbscan.showing.forest.Columns`."""

    node_keys: list[str | int | None]
    node_leaves: list[int]
    containers: list[tuple[int, None, int, int]]


def forest(found: Iterable[tuple[Keypath, Fact]]) -> tuple[Forest, list[Fact]]:
    """Arrange leaves as a tree again; returns it and the distinct facts."""
    facts: dict[Fact, int] = {}
    root: dict[str | int, Any] | int = {}
    for keypath, fact in found:
        index = facts.setdefault(fact, len(facts))
        if not keypath:
            root = index
            break
        level: Any = root
        for entry in keypath[:-1]:
            level = level.setdefault(entry, {})
        level[keypath[-1]] = index
    different = [*facts]
    return Forest(_columns(root), different), different


def _columns(root: dict[str | int, Any] | int) -> Columns:
    keys: list[str | int | None] = [None]
    leaves: list[int] = []
    containers: list[tuple[int, None, int, int]] = []
    nodes: list[Any] = [root]
    # The list grows during the loop, which makes the order breadth first.
    for at, node in enumerate(nodes):
        if isinstance(node, int):
            leaves.append(node)
            continue
        leaves.append(-1)
        containers.append((at, None, len(nodes), len(nodes) + len(node)))
        nodes += node.values()
        keys += node
    containers.reverse()
    return Columns(keys, leaves, containers)
