"""The ways to colour the rectangles of a treemap: for each node a paint, and a legend.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from orbscan.drawing import palette
from orbscan.reporting.outline import LOST, SOUND, UNCHECKED, UNREADABLE
from orbscan.reporting.texts import column
from orbscan.showing.text import counted, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orbscan.reporting.kinds import Kind
    from orbscan.reporting.outline import Node

_TELLING = 0.02
"""A colouring is useful if at least this share of the bytes has another colour than most."""

_COPIES = (2, 4, 8, 16, 32)
_RATIOS = (1.0, 1.1, 1.5, 2.0, 4.0)
_RATIO_LABELS = ("below 1: it grew", "1 to 1.1", "1.1 to 1.5", "1.5 to 2", "2 to 4", "4 and more")
_STATES = {
    SOUND: ("nothing missing", "sound"),
    LOST: ("bytes are lost", "lost"),
    UNREADABLE: ("cannot be read", "unreadable"),
    UNCHECKED: ("not checked", "other"),
}
_SHARDINGS = {"numpy": "numpy, on each host", "": "not recorded"}


class Category:
    """The leaves with one colour.

    Attributes:
        label: in words.
        paint: as `drawing.palette` names it.
        leaves, memory: the number of leaves, and their bytes in memory.
    """

    __slots__ = ("label", "leaves", "memory", "paint")

    def __init__(self, label: str, paint: str = "") -> None:
        self.label = label
        self.paint = paint
        self.leaves = self.memory = 0


class Colouring:
    """One way to colour leaves.

    Attributes:
        name: its name in the data of the page.
        label: its name for people.
        categories: in the order of the legend.
        of_nodes: for each node the number of its category; -1 for a node that is not a leaf.
    """

    __slots__ = ("categories", "label", "name", "of_nodes")

    def __init__(
        self, name: str, label: str, categories: Sequence[Category], of_nodes: Sequence[int]
    ) -> None:
        self.name = name
        self.label = label
        self.categories = categories
        self.of_nodes = of_nodes

    def to_dict(self) -> dict[str, object]:
        """Convert it to values for `json.dumps`."""
        legend = [
            [each.label, each.paint, size(each.memory), counted(each.leaves, "leaf", "leaves")]
            for each in self.categories
        ]
        # A node that is not a leaf has no colour itself, so any leaf's colour will do.
        some = max(self.of_nodes, default=-1)
        of = column([some if number < 0 else number for number in self.of_nodes])
        return {"name": self.name, "label": self.label, "legend": legend, "of": of}


def colourings(nodes: Sequence[Node], kinds: Sequence[Kind | None]) -> list[Colouring]:
    """Colour the leaves in every way that distinguishes some of them.

    Args:
        nodes: the nodes of the page.
        kinds: the kind of each node; None for a node that is not a leaf.
    """
    ways = [
        _kinds("type", "Type", nodes, kinds, lambda kind: kind.type),
        _kinds("sharding", "Sharding", nodes, kinds, _sharding),
        _amounts("copies", "Copies", nodes, kinds, lambda _, kind: _copies(kind)),
        _amounts("ratio", "Compression", nodes, kinds, lambda node, _: _ratio(node)),
        _states(nodes, kinds),
    ]
    return [way for way in ways if way is not None]


def ordered(
    name: str,
    label: str,
    nodes: Sequence[Node],
    found: Iterable[tuple[int, str, str] | None],
) -> Colouring:
    """Make a colouring from the place in the legend, the label and the paint of each node.

    Args:
        name: of the colouring in the data of a page.
        label: its name for people.
        nodes: of the page.
        found: for each node, its place, label and paint; None for a node that is not a leaf.
    """
    found = [*found]
    known = {each: Category(each[1], each[2]) for each in sorted({*filter(None, found)})}
    for node, each in zip(nodes, found, strict=True):
        if each is not None:
            known[each].leaves += node.leaves
            known[each].memory += node.memory
    numbers = {each: number for number, each in enumerate(known)}
    of_nodes = [-1 if each is None else numbers[each] for each in found]
    return Colouring(name, label, [*known.values()], of_nodes)


def repainted(one: Colouring, other: Colouring) -> None:
    """Give the same paint to categories that two colourings of kinds call by the same name."""
    sizes: dict[str, int] = {}
    for category in (*one.categories, *other.categories):
        if category.paint != "other":
            sizes[category.label] = sizes.get(category.label, 0) + category.memory
    ranked = sorted(sizes, key=lambda label: (-sizes[label], label))
    paints = {label: palette.category(number) for number, label in enumerate(ranked)}
    for category in (*one.categories, *other.categories):
        category.paint = paints.get(category.label, "other")


def most_telling(ways: Sequence[Colouring]) -> Colouring:
    """Return the initial colouring: one of faults, else the first that distinguishes leaves."""
    for way in ways:
        if any(each.paint in {"lost", "unreadable"} for each in way.categories):
            return way
    for way in ways:
        whole = sum(each.memory for each in way.categories)
        largest = max((each.memory for each in way.categories), default=0)
        if whole - largest > _TELLING * whole:
            return way
    return ways[0]


def _kinds(
    name: str,
    label: str,
    nodes: Sequence[Node],
    kinds: Sequence[Kind | None],
    text: Callable[[Kind], str],
) -> Colouring:
    """Colour by a text; the texts with the most bytes have their own colours."""
    known: dict[str, Category] = {}
    texts: dict[int, str] = {}
    of_node: list[Category | None] = []
    for node, kind in zip(nodes, kinds, strict=True):
        if kind is None:
            of_node.append(None)
            continue
        told = texts.get(id(kind))
        if told is None:
            told = texts[id(kind)] = text(kind)
        category = known.setdefault(told, Category(told))
        category.leaves += node.leaves
        category.memory += node.memory
        of_node.append(category)
    ranked = sorted(known.values(), key=lambda each: (-each.memory, each.label))
    most = len(palette.CATEGORIES)
    shown, rest = (ranked, []) if len(ranked) <= most else (ranked[:most], ranked[most:])
    for number, category in enumerate(shown):
        category.paint = palette.category(number)
    if rest:
        other = Category(f"{len(rest):,} others", "other")
        other.leaves = sum(each.leaves for each in rest)
        other.memory = sum(each.memory for each in rest)
        shown = [*shown, other]
    numbers = {id(each): number for number, each in enumerate(shown)}
    numbers |= {id(each): len(shown) - 1 for each in rest}
    return Colouring(
        name, label, shown, [-1 if each is None else numbers[id(each)] for each in of_node]
    )


def _amounts(
    name: str,
    label: str,
    nodes: Sequence[Node],
    kinds: Sequence[Kind | None],
    of: Callable[[Node, Kind], tuple[int, str, str]],
) -> Colouring | None:
    """Colour by an amount, whose ranges are in order; None if it is not known for any leaf."""
    found = [
        None if kind is None else of(node, kind) for node, kind in zip(nodes, kinds, strict=True)
    ]
    if all(each is None or each[0] < 0 for each in found):
        return None
    return ordered(name, label, nodes, found)


def _states(nodes: Sequence[Node], kinds: Sequence[Kind | None]) -> Colouring:
    found = [
        None if kind is None else (-node.state, *_STATES[node.state])
        for node, kind in zip(nodes, kinds, strict=True)
    ]
    return ordered("state", "State", nodes, found)


def _sharding(kind: Kind) -> str:
    told = kind.sharding
    return _SHARDINGS.get(told, told)


def _copies(kind: Kind) -> tuple[int, str, str]:
    if kind.copies is None:
        return -1, "not laid over a mesh", "other"
    at = palette.step(kind.copies, _COPIES)
    low, high = (1, *_COPIES)[at], (*_COPIES, 0)[at] - 1
    label = f"{low} and more" if high < 0 else f"{low}" if low == high else f"{low} to {high}"
    return at, "1: fully split" if at == 0 else label, f"s{at}"


def _ratio(node: Node) -> tuple[int, str, str]:
    if not node.stored:
        return -1, "nothing stored", "other"
    at = palette.step(node.memory / node.stored, _RATIOS)
    return at, _RATIO_LABELS[at], f"s{at}"
