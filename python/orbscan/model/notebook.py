"""Shows the metadata of a checkpoint in notebooks, and in rich and treescope.

The HTML is like that of `showing.pages`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from orbscan.model.columns import Tree
from orbscan.model.drawn import treemap
from orbscan.model.text import leaf_text
from orbscan.showing.forest import Forest
from orbscan.showing.keypaths import key_entry, keypath
from orbscan.showing.pages import LIMIT, RESERVE, nbytes_of
from orbscan.showing.text import counted, moment, shortened, size, total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.model.text import Shown
    from orbscan.showing.keypaths import Entry

# Beyond this, browsers lay out nested elements slowly, or not at all.
_DEEPEST = 50
# Trees with more leaves are shown by their first lines, with siblings folded, in forms without a
# limit of their own. Those forms recurse: a deep tree would exhaust their stack.
_FEW_LEAVES = 100
_SHALLOW = 32
_SHOWN_LINES = 20
_SHOWN_ISSUES = 10
_LARGEST_PICTURE = 60_000

_OPEN = '<details style="margin-left:1em"{}><summary>{}</summary>\n'
_CLOSE = "</details>\n"
_LEAF = '<div style="margin-left:2em"><b>{}</b> {}</div>\n'
_ROW = '<tr><th style="text-align:left">{}</th><td style="text-align:left">{}</td></tr>\n'
_PAGE = '<div style="font-family:monospace">\n<table>\n{}</table>\n{}{}{}</div>\n'
_LEFT_OUT = "<p>{} left out; <code>orbscan show</code> on the command line shows all.</p>\n"


def html(metadata: Shown) -> str:
    """Show metadata as a static page: a table, a treemap, and a tree that unfolds."""
    tree = Tree(metadata.metadata)
    forest = Forest(tree, tree.facts)
    rows = "".join(
        _ROW.format(label, escape(shortened(text)))
        for label, text in _header(metadata, tree, forest)
    )
    budget = LIMIT - RESERVE - len(_PAGE) - nbytes_of(rows)
    drawn = _drawn(tree, forest)
    budget -= nbytes_of(drawn)
    shown, left_out = _unfolding(tree, forest, budget)
    note = ""
    if left_out:
        note = _LEFT_OUT.format(counted(left_out, "leaf is", "leaves are"))
    return _PAGE.format(rows, drawn, shown, note)


def _drawn(tree: Tree, forest: Forest) -> str:
    """The treemap, unless names that are too long make it large."""
    drawn = treemap(tree, forest)
    return f"{drawn}\n" if 0 < nbytes_of(drawn) <= _LARGEST_PICTURE else ""


def fields(metadata: Shown, *, whole: bool = False) -> Iterator[tuple[str, object]]:
    """Return what rich and treescope show: the name and value of each field.

    The first lines of a tree are shown, with siblings folded, by their keypaths.

    Args:
        metadata: the metadata to show.
        whole: whether a small tree itself is shown: for forms that can unfold it.
    """
    yield "path", str(metadata.path)
    yield "init_timestamp_nsecs", metadata.init_timestamp_nsecs
    yield "commit_timestamp_nsecs", metadata.commit_timestamp_nsecs
    yield "custom_metadata", metadata.custom_metadata
    yield "issues", metadata.issues
    tree = Tree(metadata.metadata)
    forest = Forest(tree, tree.facts)
    if whole and forest.total.leaves <= _FEW_LEAVES and tree.depth <= _SHALLOW:
        yield "metadata", metadata.metadata
        return
    yield "leaves", forest.total.leaves
    first: dict[str, str] = {}
    more = 0
    for line in forest.lines(folded=True):
        if len(first) < _SHOWN_LINES and line.leaf is not None:
            times = f"  x{line.times:,}" if line.times > 1 else ""
            shown = leaf_text(tree.facts[line.leaf].value)
            first[shortened(keypath(line.entries))] = f"{shown}{times}"
        else:
            more += line.times
    if more:
        first["..."] = counted(more, "more leaf", "more leaves")
    yield "first_leaves", first


def _header(metadata: Shown, tree: Tree, forest: Forest) -> Iterator[tuple[str, str]]:
    yield "path", str(metadata.path)
    for label, nsecs in (
        ("begun", metadata.init_timestamp_nsecs),
        ("committed", metadata.commit_timestamp_nsecs),
    ):
        if nsecs is not None:
            yield label, moment(nsecs)
    if metadata.custom_metadata:
        yield "custom", repr(metadata.custom_metadata)
    held = forest.total
    parameters = forest.elements(tree.parameter_nodes())
    yield "total", total(held.leaves, parameters, held.elements, held.nbytes)
    for issue in metadata.issues[:_SHOWN_ISSUES]:
        yield "issue", str(issue)
    more = len(metadata.issues) - _SHOWN_ISSUES
    if more > 0:
        yield "", counted(more, "more issue")


def _unfolding(tree: Tree, forest: Forest, budget: int) -> tuple[str, int]:
    """Show a tree in at most `budget` bytes; also says how many leaves had no room."""
    pieces: list[str] = []
    left_out = 0
    # An explicit stack: a tree may be deeper than the stack of the interpreter. A text on it closes
    # an element, and was counted when that was opened.
    waiting: list[str | tuple[int, Entry | None, int, int]] = [(0, None, 1, 0)]
    while waiting:
        following = waiting.pop()
        if isinstance(following, str):
            pieces.append(following)
            continue
        node, entry, times, level = following
        leaf, held = forest.leaf(node), forest.held(node)
        label = _label(entry, times)
        if leaf is not None:
            piece, children = _LEAF.format(label, escape(leaf_text(tree.facts[leaf].value))), False
        else:
            below = f"{counted(held.leaves, 'leaf', 'leaves')}, {size(held.nbytes)}"
            piece = _OPEN.format("" if level else " open", f"<b>{label}</b> {below}")
            children = True
        cost = nbytes_of(piece) + (len(_CLOSE) if children else 0)
        if cost > budget or level > _DEEPEST:
            left_out += held.leaves * times
            continue
        budget -= cost
        pieces.append(piece)
        if children:
            waiting.append(_CLOSE)
            waiting += [
                (child, name, alike, level + 1)
                for name, child, alike in reversed(forest.children(node, folded=True))
            ]
    return "".join(pieces), left_out


def _label(entry: Entry | None, times: int) -> str:
    name = "." if entry is None else shortened(key_entry(entry))
    return escape(f"{name} x{times:,}" if times > 1 else name)
