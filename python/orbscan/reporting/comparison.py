"""The page of two checkpoints: both treemaps, the changes, and the nodes that belong together.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from orbscan.differing import leaf as kinds
from orbscan.differing.heading import header
from orbscan.differing.text import sections
from orbscan.reading import codes
from orbscan.reading.facts import Leaf, distinct
from orbscan.reporting import marks
from orbscan.reporting.colourings import ordered, repainted
from orbscan.reporting.explorer import packed, within
from orbscan.reporting.marks import Comparison
from orbscan.reporting.outline import Tree
from orbscan.showing.text import counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orbscan import _core
    from orbscan.differing.diff import Diff
    from orbscan.differing.leaf import LeafSummary
    from orbscan.reporting.colourings import Colouring
    from orbscan.reporting.explorer import Explorer
    from orbscan.reporting.kinds import Kind, Mesh
    from orbscan.reporting.marks import Marked
    from orbscan.reporting.outline import Node

_SHOWN_ROWS = 500
"""The maximum number of rows for one kind of change."""

_PAINTS = {
    marks.SAME: "other",
    marks.CHANGED: "c1",
    marks.RENAMED: "c3",
    marks.REMOVED: "c4",
    marks.ADDED: "c2",
    marks.UNKNOWN: "unreadable",
}
_ORDER = [*_PAINTS]

_KINDS = {
    kinds.JAX_ARRAY: codes.JAX_ARRAY,
    kinds.NUMPY_ARRAY: codes.NUMPY_ARRAY,
    kinds.SCALAR: codes.SCALAR,
    kinds.STRING: codes.STRING,
    kinds.NONE: codes.NONE,
    kinds.EMPTY_DICT: codes.EMPTY_DICT,
    kinds.EMPTY_LIST: codes.EMPTY_LIST,
    kinds.EMPTY_TUPLE: codes.EMPTY_TUPLE,
    kinds.EMPTY_NAMEDTUPLE: codes.EMPTY_NAMEDTUPLE,
    kinds.UNREADABLE: codes.UNREADABLE,
}
_SCALARS = {"bool": "bool", "int": "int64", "float": "float64", "complex": "complex128"}
_WORDS_OF_KEY = {"threefry2x32": 2, "rbg": 4, "unsafe_rbg": 4}


class Section(NamedTuple):
    """Changes of one kind.

    Attributes:
        title: what they are.
        rows: each as cells.
        width: the maximum number of cells in a row.
    """

    title: str
    rows: list[tuple[str, ...]]
    width: int


class SidePage(NamedTuple):
    """One of the two checkpoints.

    Attributes:
        letter: `A` or `B`.
        path: its path, or its name.
        held: its number of leaves and bytes, as text.
        meshes: the meshes of its leaves.
        explorer: its leaves.
        data: the same as JSON.
    """

    letter: str
    path: str
    held: str
    meshes: list[Mesh]
    explorer: Explorer
    data: str


class ComparisonPage(NamedTuple):
    """The content of the page of two checkpoints, for its template.

    Attributes:
        title: the last parts of both paths.
        header: what was compared and the result: labels and texts.
        before, after: both checkpoints.
        ties: JSON: pairs of nodes that belong together.
        sections: the changes.
        notes: additional information.
        is_incomplete: whether a part of it could not be read.
    """

    title: str
    header: list[tuple[str, str]]
    before: SidePage
    after: SidePage
    ties: str
    sections: list[Section]
    notes: list[str]
    is_incomplete: bool

    @property
    def sides(self) -> tuple[SidePage, SidePage]:
        """Both checkpoints."""
        return self.before, self.after


def comparison_page(diff: Diff, budget: int) -> ComparisonPage:
    """Compose the content of the page of two checkpoints.

    Args:
        diff: where they differ.
        budget: the maximum bytes for the leaves of both.

    Raises:
        ValueError: the diff was pickled, which drops the trees.
    """
    compared = Comparison(diff)
    trees = [
        {name: _tree(tree) for name, tree in side.items()}
        for side in (compared.before, compared.after)
    ]
    explorers = [within([*of_side.values()], budget // 2, _coloured)[0] for of_side in trees]
    for explorer in explorers:
        explorer.first = "change"
    _paint_alike(*explorers)
    pages = [
        _side(letter, shown, explorer)
        for letter, shown, explorer in zip("AB", (diff.a, diff.b), explorers, strict=True)
    ]
    places = [_places(explorer) for explorer in explorers]
    ties = dict.fromkeys(
        (places[0].get((id(trees[0][was]), this)), places[1].get((id(trees[1][is_now]), that)))
        for (was, this), (is_now, that) in compared.ties
    )
    known = [pair for pair in ties if None not in pair]
    return ComparisonPage(
        title=" and ".join(map(_title, (diff.a, diff.b))),
        header=[(label, text) for label, text in header(diff) if label not in {"a", "b"}],
        before=pages[0],
        after=pages[1],
        ties=packed(known),
        sections=[*_sections(diff)],
        notes=[printable(note) for note in diff.notes],
        is_incomplete=diff.unreadable,
    )


def _side(letter: str, shown: str, explorer: Explorer) -> SidePage:
    top = explorer.nodes[0]
    held = f"{counted(top.leaves, 'leaf', 'leaves')}, {size(top.memory)}"
    data = packed(explorer.to_dict())
    return SidePage(letter, printable(shown), held, explorer.meshes, explorer, data)


def _sections(diff: Diff) -> Iterator[Section]:
    for title, rows in sections(diff, _SHOWN_ROWS):
        yield Section(title, rows, max(map(len, rows), default=1))


def _places(explorer: Explorer) -> dict[tuple[int, int], int]:
    """The number that each node of the trees has in the page."""
    return {
        (id(node.tree), at): number
        for number, node in enumerate(explorer.nodes)
        for at in node.origins
    }


def _tree(marked: Marked) -> Tree:
    item = marked.item
    if hasattr(item.origin, "leaf_places"):
        table = cast("_core.LeafTable", item.origin)
        return Tree(item.name, table, distinct(table), marks=marked.marks)
    outline = marked.outline
    facts = [_leaf(summary) for summary in outline.leaves]
    return Tree(item.name, outline, facts, marks=marked.marks)


class _Rows(NamedTuple):
    arrays: list[_core.Array]
    shardings: list[_core.Sharding]


def _leaf(summary: LeafSummary) -> Leaf:
    """The description of a leaf of a tree in memory."""
    shape, dtype, words = summary.shape, summary.dtype or "", None
    if dtype.startswith("key<") and shape is not None:
        words = dtype[len("key<") : -1]
        shape, dtype = (*shape, _WORDS_OF_KEY.get(words, 2)), "uint32"
    dtype = _SCALARS.get(dtype, dtype)
    arrays = [] if shape is None else [(shape, dtype, summary.chunk_shape, summary.zarr)]
    shardings = [] if summary.sharding is None else [summary.sharding]
    kind, error = _KINDS.get(summary.kind, codes.UNREADABLE), summary.error
    if summary.kind not in _KINDS:
        error = ("unsupported", None, None, False, f"what a {summary.kind} takes is not known")
    at = (len(arrays) - 1, len(shardings) - 1)
    described = (kind, *at, summary.write_shape, words, error, None)
    try:
        return Leaf(_Rows(arrays, shardings), described, None)
    except ValueError:
        # An element type that no checkpoint has.
        fault: _core.Issue = (
            "unsupported",
            None,
            None,
            False,
            f"what a {dtype} takes is not known",
        )
        return Leaf(_Rows([], []), (codes.UNREADABLE, -1, -1, None, None, fault, None), None)


def _coloured(
    nodes: Sequence[Node], found: Sequence[Kind | None], every: list[Colouring]
) -> list[Colouring]:
    """The ways to colour leaves: by what has changed, and by what both sides can share."""
    told = [
        None if kind is None else (_ORDER.index(node.mark[0]), node.mark[0], _PAINTS[node.mark[0]])
        for node, kind in zip(nodes, found, strict=True)
    ]
    change = ordered("change", "Change", nodes, told)
    return [change, *(way for way in every if way.name in {"type", "copies"})]


def _paint_alike(before: Explorer, after: Explorer) -> None:
    """Give each type one colour on both sides."""
    ways = [
        next(way for way in explorer.colourings if way.name == "type")
        for explorer in (before, after)
    ]
    repainted(*ways)


def _title(path: str) -> str:
    return printable(path.rstrip("/").rpartition("/")[2] or path)
