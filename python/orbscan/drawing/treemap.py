"""A tree as rectangles within rectangles, whose areas are in proportion to amounts.

The rows are those of squarified treemaps (Bruls, Huizing and van Wijk, 2000), as d3-hierarchy,
which pages use, makes them; `assets/layout.js` has the same rules. Siblings too small to be seen
are one rectangle, so that areas are amounts however many there are.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from math import floor
from typing import NamedTuple

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEAD = 19
"""The height of the line above the parts of a container, in pixels."""

_WIDEST_WITHOUT_HEAD, _TALLEST_WITHOUT_HEAD = 44, HEAD + 12
_GOLDEN = (1 + 5**0.5) / 2

_FITS = ((2, 36), (1, 16), (0, 9))
"""The gap between the parts of a container, and the area of the smallest part that can be seen with
such gaps."""

_NOTHING = 1e-12
"""The share of the whole that is too small for any screen."""

_MOST_SEEN = 0.9
"""The widest gap is used with which this part of a container remains visible."""


Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


class Cell(NamedTuple):
    """A rectangle of a treemap.

    Attributes:
        nodes: the nodes that it stands for, from the outermost: each is the only part of the one
            before.
        gathered: parts of the last of these that are too small to be seen; if there are any, the
            rectangle stands for them.
        left, top, right, bottom: its position, in pixels.
        is_container: whether its parts are drawn within it.
        has_head: whether there is a line above these.
    """

    nodes: tuple[int, ...]
    gathered: tuple[int, ...]
    left: int
    top: int
    right: int
    bottom: int
    is_container: bool = False
    has_head: bool = False

    @property
    def width(self) -> int:
        """Its width."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Its height."""
        return self.bottom - self.top


class _Place:
    """The data of a cell; `share` is its amount, as a share of the whole."""

    __slots__ = ("box", "depth", "gathered", "is_large", "nodes", "parts", "share")

    def __init__(self, nodes: tuple[int, ...], share: float, depth: int) -> None:
        self.nodes = nodes
        self.gathered: tuple[int, ...] = ()
        self.share = share
        self.depth = depth
        self.parts: list[_Place] = []
        self.is_large = True
        self.box = (0.0, 0.0, 0.0, 0.0)


def treemap(  # noqa: PLR0913 - a tree and a place
    parents: Sequence[int],
    amounts: Sequence[int],
    width: int,
    height: int,
    *,
    most: int,
    top: int = 0,
) -> list[Cell]:
    """Arrange a tree.

    Args:
        parents: of each node its parent, which comes before it; -1 for the first.
        amounts: of each node; those of a container are the sum of its parts.
        width: of the whole, in pixels.
        height: likewise.
        most: the maximum number of rectangles.
        top: where they begin, from the top.

    Returns:
        the cells, containers before their parts. The first node has none, unless it has no parts.

    >>> cells = treemap([-1, 0, 0], [4, 3, 1], 400, 100, most=10)
    >>> [(cell.nodes, cell.left, cell.right) for cell in cells]
    [((1,), 0, 300), ((2,), 302, 400)]
    """
    root, every = _places(parents, amounts)
    # No container is smaller than its parts, and it comes first, so large nodes form one tree.
    ranked = sorted(every, key=lambda place: (-place.share, place.depth))
    for rank, place in enumerate(ranked):
        place.is_large = rank <= most
    root.box = (0, top, width, top + height)
    cells: list[Cell] = []
    waiting = [root]
    while waiting:
        place = waiting.pop()
        has_head = bool(place.parts) and _has_head(place)
        if place.parts:
            _lay(place, has_head=has_head)
            waiting += reversed(place.parts)
        left, upper, right, lower = map(_rounded, place.box)
        is_seen = place.share > 0 and left < right and upper < lower
        if is_seen and (place is not root or not place.parts):
            cells.append(
                Cell(
                    place.nodes,
                    place.gathered,
                    *(left, upper, right, lower),
                    bool(place.parts),
                    has_head,
                )
            )
    return cells


def _places(parents: Sequence[int], amounts: Sequence[int]) -> tuple[_Place, list[_Place]]:
    """The nodes that can be seen; a node with a single part is shown as that part."""
    # Amounts may be larger than any float.
    shares = [amount / amounts[0] if amount else 0.0 for amount in amounts]
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0 and shares[node] > _NOTHING:
            children[parent].append(node)
    root = _Place((0,), shares[0], 0)
    every = [root]
    waiting = [(root, 0)]
    while waiting:
        place, node = waiting.pop()
        for child in children[node]:
            nodes = [child]
            while len(children[nodes[-1]]) == 1:
                nodes += children[nodes[-1]]
            part = _Place(tuple(nodes), shares[child], place.depth + 1)
            place.parts.append(part)
            every.append(part)
            waiting.append((part, nodes[-1]))
        place.parts.sort(key=lambda part: -part.share)
    return root, every


def _has_head(place: _Place) -> bool:
    left, top, right, bottom = place.box
    is_roomy = right - left >= _WIDEST_WITHOUT_HEAD and bottom - top >= _TALLEST_WITHOUT_HEAD
    return place.depth > 0 and is_roomy


def _lay(place: _Place, *, has_head: bool) -> None:
    """Give the parts of a place their boxes; those too small to be seen share one."""
    left, top, right, bottom = place.box
    gap, least = _fit(place)
    # There is half a gap around each part, and none around the whole.
    half = gap / 2
    edge = gap - half if place.depth else -half
    head = HEAD - half if has_head else edge
    inner = _ordered((left + edge, top + head, right - edge, bottom - edge))
    density = _area(inner) / place.share
    drawn = [part for part in place.parts if _is_drawn(part, density, least)]
    if len(place.parts) - len(drawn) > 1:
        small = [part for part in place.parts if not _is_drawn(part, density, least)]
        rest = _Place(place.nodes, sum(part.share for part in small), place.depth + 1)
        rest.gathered = tuple(part.nodes[0] for part in small)
        place.parts = sorted([*drawn, rest], key=lambda part: -part.share)
    boxes = _squarified([part.share for part in place.parts], inner)
    for part, (west, north, east, south) in zip(place.parts, boxes, strict=True):
        part.box = _ordered((west + half, north + half, east - half, south - half))


def _fit(place: _Place) -> tuple[int, int]:
    density = _area(place.box) / place.share
    for gap, least in _FITS:
        seen = sum(part.share for part in place.parts if _is_drawn(part, density, least))
        if seen >= _MOST_SEEN * place.share:
            return gap, least
    return _FITS[-1]


def _is_drawn(part: _Place, density: float, least: int) -> bool:
    return part.is_large and part.share * density >= least


def _area(box: Box) -> float:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _ordered(box: Box) -> Box:
    """A box of which two sides may have met, in which case it is a line."""
    left, top, right, bottom = box
    if right < left:
        left = right = (left + right) / 2
    if bottom < top:
        top = bottom = (top + bottom) / 2
    return left, top, right, bottom


def _squarified(amounts: Sequence[float], box: Box) -> Iterator[Box]:
    """Fill a box with one box for each amount, as square as can be.

    >>> [*_squarified([2, 2], (0, 0, 4, 1))]
    [(0, 0, 2.0, 1.0), (2.0, 0, 4.0, 1.0)]
    """
    left, top, right, bottom = box
    at = 0
    while at < len(amounts):
        wide, tall = right - left, bottom - top
        rest = sum(amounts[at:])
        end, filled = _row(amounts, at, wide, tall, rest)
        share = filled / rest
        if wide < tall:
            lower = top + tall * share
            yield from _sliced(amounts[at:end], filled, (left, top, right, lower), across=True)
            top = lower
        else:
            side = left + wide * share
            yield from _sliced(amounts[at:end], filled, (left, top, side, bottom), across=False)
            left = side
        at = end


def _row(
    amounts: Sequence[float], first: int, wide: float, tall: float, rest: float
) -> tuple[int, float]:
    """Return where the row that begins with an amount ends, and its sum."""
    if wide <= 0 or tall <= 0:
        return len(amounts), sum(amounts[first:])
    alpha = max(tall / wide, wide / tall) / (rest * _GOLDEN)
    filled = low = high = amounts[first]
    beta = filled * filled * alpha
    ratio = max(high / beta, beta / low)
    for at in range(first + 1, len(amounts)):
        amount = amounts[at]
        low, high = min(low, amount), max(high, amount)
        beta = (filled + amount) ** 2 * alpha
        worse = max(high / beta, beta / low)
        if worse > ratio:
            return at, filled
        filled += amount
        ratio = worse
    return len(amounts), filled


def _sliced(amounts: Sequence[float], whole: float, box: Box, *, across: bool) -> Iterator[Box]:
    left, top, right, bottom = box
    scale = ((right - left) if across else (bottom - top)) / whole
    for amount in amounts:
        if across:
            yield left, top, left + amount * scale, bottom
            left += amount * scale
        else:
            yield left, top, right, top + amount * scale
            top += amount * scale


def _rounded(length: float) -> int:
    # As in JavaScript: halves are rounded up.
    return floor(length + 0.5)
