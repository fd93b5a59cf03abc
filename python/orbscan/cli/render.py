"""A checkpoint as text. Pure: columns in, lines out."""

from __future__ import annotations

from collections import Counter

from orbscan.cli.output import tabular
from orbscan.errors import located
from orbscan.model.item import UNKNOWN
from orbscan.reading.facts import distinct
from orbscan.reading.items import described
from orbscan.reading.leaf_text import common_mesh, leaf_sharding, leaf_type
from orbscan.reading.storage import lines as ways_shown
from orbscan.reading.storage import storage
from orbscan.reading.totals import commit_nsecs, element_types, parameter_nodes
from orbscan.showing.fitting import Fitting
from orbscan.showing.folding import FOLDED_BEYOND
from orbscan.showing.forest import Forest
from orbscan.showing.keypaths import keypath
from orbscan.showing.text import (
    LABEL,
    NSECS_PER_SEC,
    brackets,
    by_level,
    checkpointable,
    counted,
    labelled,
    mesh,
    moment,
    printable,
    size,
    some,
    total,
)

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from orbscan import _core
    from orbscan.cli import output
    from orbscan.model.item import Item
    from orbscan.reading.facts import Leaf
    from orbscan.reading.leaf_text import MeshShape
    from orbscan.showing.fitting import Gives
    from orbscan.showing.forest import Line

_COLUMNS = {
    "LEAF": "",
    "TYPE": "type",
    "SHARDING": "sharding",
    "CHUNK": "faint",
    "SIZE": "",
    "COUNT": "count",
    "NOTE": "fault",
}
_RIGHT = {4, 5}
_GIVES: tuple[Gives, ...] = (
    ("NOTE", 30),
    ("CHUNK", 0),
    ("LEAF", 32),
    ("SHARDING", 14),
    ("LEAF", 28),
    ("TYPE", 16),
    ("SHARDING", 0),
    ("NOTE", 16),
    ("TYPE", 12),
    ("LEAF", 12),
    ("TYPE", 0),
    ("COUNT", 0),
    ("SIZE", 0),
    ("NOTE", 0),
    ("LEAF", 1),
)
_CUSTOM_METADATA_WIDTH = 200
_SHOWN_ITEMS = 10
_NOT_LOOKED = "cannot be read"


class View:
    """The lines to show of a tree, and how.

    Attributes:
        selected: the nodes of the leaves to show and to count; None for all.
        fold: whether siblings that differ only in a number are one line: `always`, `never`, or
            `auto` for more than `FOLDED_BEYOND` leaves.
        depth: subtrees below keypaths of this length are one line; None for no limit.
        sort: `size` for the lines that stand for the most bytes first, `name` for each level by
            name; None for the order of the tree.
    """

    __slots__ = ("depth", "fold", "selected", "sort")

    def __init__(
        self,
        selected: Collection[int] | None = None,
        *,
        fold: str = "auto",
        depth: int | None = None,
        sort: str | None = None,
    ) -> None:
        self.selected = selected
        self.fold = fold
        self.depth = depth
        self.sort = sort

    def sorted(self, lines: Iterable[Line]) -> Iterable[Line]:
        """Sort lines in the requested order."""
        if self.sort is None:
            return lines
        if self.sort == "size":
            return sorted(lines, key=lambda line: -line.held.nbytes * line.times)
        return sorted(lines, key=lambda line: by_level(line.entries))


def table(
    path: str,
    checkpoint: _core.Checkpoint,
    others: Sequence[tuple[str | None, bool | None]],
    view: View,
    fitting: Fitting | None = None,
) -> list[output.Line]:
    """Show one pytree: facts about the checkpoint, its leaves, totals, issues.

    Args:
        path: the path of the checkpoint.
        checkpoint: the result of the read.
        others: the names of the other checkpointables, and whether they are pytrees.
        view: the lines to show of its tree.
        fitting: how its table is fitted; None for not at all.
    """
    fitting = fitting or Fitting()
    name, tree = checkpoint.items[0]
    facts = [] if tree is None else distinct(tree)
    blocks = [_labelled(_header(path, checkpoint, others, facts))]
    if tree is not None:
        forest = Forest(tree, facts, view.selected)
        folded = view.fold == "always" or (
            view.fold == "auto" and forest.total.leaves > FOLDED_BEYOND
        )
        blocks += [
            _leaf_table(facts, view.sorted(forest.lines(folded=folded, depth=view.depth)), fitting),
            _labelled(_totals(name, tree, facts, forest)),
        ]
    blocks.append([[("fault", line)] for line in _issues(checkpoint)])
    lines: list[output.Line] = []
    for block in filter(None, blocks):
        lines += [[], *block] if lines else block
    return lines


def json_item(
    path: str, checkpoint: _core.Checkpoint, item: Item, items: Sequence[Item]
) -> list[output.Line]:
    """Show a JSON item: what it is, and its document.

    Raises:
        OrbscanError: it cannot be read.
    """
    import json

    head = [
        ("path", printable(path)),
        ("layout", checkpoint.layout),
        ("name", printable(item.name or "")),
        ("items", printable(some([_item_text(each) for each in items], _SHOWN_ITEMS, ", "))),
    ]
    if item.handler is not None:
        head.append(("handler", printable(item.handler)))
    document = item.document
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if not text.replace("\n", "").isprintable():
        text = json.dumps(document, indent=2)
    return [*_labelled(head), [], *([("", line)] for line in text.split("\n"))]


def _leaf_table(facts: list[Leaf], lines: Iterable[Line], fitting: Fitting) -> list[output.Line]:
    rows = [tuple(_COLUMNS)]
    common = common_mesh(facts)
    rows += [
        _sum_row(line) if line.leaf is None else _leaf_row(line, facts[line.leaf], common)
        for line in lines
    ]
    shown = tabular(fitting.rows(rows, right=_RIGHT, gives=_GIVES), [*_COLUMNS.values()])
    return [*shown, *([("faint", note)] for note in fitting.note())]


def _sum_row(line: Line) -> tuple[str, ...]:
    path, held = keypath(line.entries), line.held
    below = f"{_leaf_count(held.leaves)}, {counted(held.elements, 'element')}"
    # As a pattern for --param, it selects the leaves that the line stands for.
    pattern = "**" if path == "." else f"{path}/**"
    return (pattern, below, "", "", size(held.nbytes), _times(line), "")


def _leaf_row(line: Line, leaf: Leaf, common: MeshShape | None) -> tuple[str, ...]:
    return (
        keypath(line.entries),
        leaf_type(leaf),
        leaf_sharding(leaf, common),
        brackets(leaf.chunk_shape) if leaf.is_array and leaf.chunk_shape is not None else "",
        "" if leaf.dtype is None else size(leaf.nbytes),
        _times(line),
        "" if leaf.error is None else printable(_error_text(leaf.error)),
    )


def _times(line: Line) -> str:
    return f"x{line.times:,}" if line.times > 1 else ""


def _header(
    path: str,
    checkpoint: _core.Checkpoint,
    others: Sequence[tuple[str | None, bool | None]],
    facts: list[Leaf],
) -> Iterator[tuple[str, str]]:
    name, tree = checkpoint.items[0]
    times = Counter(() if tree is None else tree.node_leaves)
    ways = storage((leaf, times[number]) for number, leaf in enumerate(facts))
    begun, committed = checkpoint.init_timestamp_nsecs, commit_nsecs(checkpoint)
    yield "path", printable(path)
    yield "layout", checkpoint.layout
    label = "stored"
    for way in ways_shown(ways):
        yield label, way
        label = ""
    if (common := common_mesh(facts)) is not None:
        yield "mesh", mesh(*common)
    if name is not None:
        yield "name", printable(name)
    if others:
        found = described(path, checkpoint.handlers, [(name, True), *others])
        leaves = 0 if tree is None else sum(leaf >= 0 for leaf in tree.node_leaves)
        counts = {name: leaves}
        texts = [_item_text(item, counts.get(item.name)) for item in found]
        yield "items", printable(some(texts, _SHOWN_ITEMS, ", "))
    if begun is not None:
        yield "begun", moment(begun)
    if committed is not None:
        yield "committed", moment(committed)
    if begun is not None and committed is not None:
        yield "took", f"{(committed - begun) / NSECS_PER_SEC:.3f} s"
    if checkpoint.custom_metadata is not None:
        yield "custom", _shortened(_one_line(checkpoint.custom_metadata))


def _item_text(item: Item, leaves: int | None = None) -> str:
    what = _NOT_LOOKED if item.kind == UNKNOWN else str(item)
    held = "" if leaves is None else f", {_leaf_count(leaves)}"
    return f"{checkpointable(item.name)} ({what}{held})"


def _totals(
    name: str | None, tree: _core.LeafTable, facts: list[Leaf], forest: Forest
) -> Iterator[tuple[str, str]]:
    held = forest.total
    (marks,) = parameter_nodes([(name, tree)])
    yield "total", total(held.leaves, forest.elements(marks), held.elements, held.nbytes)
    label = "types"
    for kind, (count, amount) in element_types(zip(facts, forest.counts(), strict=True)).items():
        yield label, f"{kind}: {_leaf_count(count)}, {size(amount)}"
        label = ""


def _issues(checkpoint: _core.Checkpoint) -> Iterator[str]:
    if checkpoint.issues:
        yield "issues"
    for kind, file, offset, in_body, reason in checkpoint.issues:
        yield f"  {kind}: {printable(located(reason, file, offset, in_body=in_body))}"


def _error_text(error: _core.Issue) -> str:
    _, file, offset, in_body, reason = error
    return located(reason, file, offset, in_body=in_body)


def _one_line(document: str) -> str:
    import json

    return printable(json.dumps(json.loads(document), ensure_ascii=False))


def _shortened(text: str) -> str:
    width = _CUSTOM_METADATA_WIDTH
    return text if len(text) <= width else f"{text[:width]}..."


def _leaf_count(number: int) -> str:
    return counted(number, "leaf", "leaves")


def _labelled(pairs: Iterable[tuple[str, str]]) -> list[output.Line]:
    return [[("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(pairs)]
