"""The disk usage of checkpoints as text. Pure: values in, rows and lines out.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from dataclasses import replace

from orbscan.checking.amounts import Tally
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import (
    by_level,
    counted,
    labelled,
    natural,
    printable,
    size,
    within,
)

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeVar

    from orbscan.checking.amounts import Amounts, CheckpointUsage, FileUsage, LeafUsage
    from orbscan.showing.fitting import Gives

    Shown = TypeVar("Shown", bound=Amounts)

OF_LEAVES = ("LEAF", "TYPE", "CHUNKS", "MEMORY", "STORED", "RATIO")
OF_FILES = ("FILE", "ROLE", "VALUES", "NODES", "SIZE", "UNUSED")
RIGHT = {2, 3, 4, 5}
GIVES: tuple[Gives, ...] = (
    ("LEAF", 40),
    ("FILE", 40),
    ("RATIO", 0),
    ("NODES", 0),
    ("VALUES", 0),
    ("CHUNKS", 0),
    ("LEAF", 20),
    ("FILE", 20),
    ("TYPE", 0),
    ("ROLE", 0),
    ("LEAF", 12),
    ("FILE", 12),
    ("UNUSED", 0),
    ("MEMORY", 0),
    ("STORED", 0),
    ("SIZE", 0),
    ("LEAF", 1),
    ("FILE", 1),
)
COLUMNS = {
    "CHECKPOINT": "",
    "STATE": "state",
    "MEMORY": "",
    "ON DISK": "",
    "UNUSED": "",
    "NOTE": "fault",
}
RIGHT_OF_SEVERAL = {2, 3, 4}
GIVES_OF_SEVERAL: tuple[Gives, ...] = (
    ("NOTE", 30),
    ("CHECKPOINT", 30),
    ("MEMORY", 0),
    ("NOTE", 0),
    ("STATE", 0),
    ("CHECKPOINT", 12),
    ("UNUSED", 0),
)
"""The columns of a table of checkpoints, and their roles; others are those of the tables."""

_SHOWN_IN_FULL = 100
_DEPTH_OF_LARGE = 2
_FILES_SHOWN = 20


class View:
    """The lines to show of a usage, and how.

    Attributes:
        depth: subtrees below keypaths of this length are one line; None for the program's choice.
        all_files: whether every file is shown.
        sort: `size` or `name`; None for leaves in the order of the trees, and files by size.
    """

    __slots__ = ("all_files", "depth", "sort")

    def __init__(self, depth: int | None, *, all_files: bool, sort: str | None) -> None:
        self.depth = depth
        self.all_files = all_files
        self.sort = sort


def lines(usage: Amounts) -> Iterator[str]:
    """Show the usage of one checkpoint: leaves or subtrees, files, and totals."""
    view, fitting = View(None, all_files=False, sort=None), Fitting()
    for heading, found in (
        (OF_LEAVES, LeafRows(usage, view)),
        (OF_FILES, file_rows(usage, view)),
    ):
        if rows := [*found]:
            yield from fitting.columns([heading, *rows], right=RIGHT, gives=())
            yield ""
    yield from labelled(totals(usage))


def headline(usage: Amounts) -> str:
    """Show it in a line."""
    files = counted(len(usage.files), "file")
    return f"{printable(usage.place)}: {size(usage.total)} in {files}"


def lines_of_several(rows: Sequence[CheckpointUsage]) -> Iterator[str]:
    """Show the usage of several checkpoints, one line each, and totals."""
    shown = [cells(row, "" if row.error is None else str(row.error)) for row in rows]
    if shown:
        heading = tuple(COLUMNS)
        yield from Fitting().columns([heading, *shown], right=RIGHT_OF_SEVERAL, gives=())
        yield ""
    yield from labelled(totals_of_several(rows))


def headline_of_several(rows: Sequence[CheckpointUsage]) -> str:
    """Show several in a line."""
    return f"{counted(len(rows), 'checkpoint')}: {size(sum(row.total for row in rows))}"


class _Sum:
    """The usage of a leaf or a subtree."""

    __slots__ = ("chunks", "dtype", "known", "leaves", "nbytes", "stored")

    def __init__(self) -> None:
        self.leaves = self.chunks = self.nbytes = self.stored = 0
        self.known = True
        self.dtype: str | None = None

    def add(self, leaf: LeafUsage) -> None:
        """Add a leaf."""
        self.leaves += 1
        self.chunks += leaf.chunks
        self.nbytes += leaf.nbytes
        self.stored += leaf.stored
        self.known = self.known and leaf.is_measured
        self.dtype = leaf.dtype

    def row(self, name: str) -> tuple[str, ...]:
        """Show it; several leaves as their number."""
        one = self.dtype or ("" if self.known else "unreadable")
        return (
            name,
            counted(self.leaves, "leaf", "leaves") if self.leaves > 1 else one,
            f"{self.chunks:,}",
            size(self.nbytes) if self.known else "unknown",
            size(self.stored),
            f"{self.nbytes / self.stored:.2f}" if self.stored and self.known else "",
        )


def sorted_by(usage: Shown, sort: str | None) -> Shown:
    """Sort leaves and files in another order than that of the checkpoint."""
    if sort is None:
        return usage
    leaves = list(usage.leaves)
    if sort == "size":
        leaves.sort(key=lambda leaf: -leaf.stored)
    elif sort == "name":
        leaves.sort(key=lambda leaf: (natural(leaf.checkpointable or ""), by_level(leaf.keypath)))
    return replace(usage, leaves=tuple(leaves), files=tuple(_sorted_files(usage.files, sort)))


def _sorted_files(files: Iterable[FileUsage], sort: str) -> list[FileUsage]:
    if sort == "name":
        return sorted(files, key=lambda file: [natural(part) for part in _path(file).split("/")])
    return sorted(files, key=lambda file: -(file.size or 0))


class LeafRows:
    """A row for each leaf, or subtree, made when it is needed: there may be a million."""

    def __init__(self, usage: Amounts, view: View) -> None:
        """Show the leaves of a usage."""
        self._depth = view.depth
        if self._depth is None and len(usage.leaves) > _SHOWN_IN_FULL:
            self._depth = _DEPTH_OF_LARGE
        if view.sort == "name":
            usage = sorted_by(usage, view.sort)
        self._leaves = usage.leaves
        self._by_size = view.sort == "size"

    def __bool__(self) -> bool:
        return len(self._leaves) > 0

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        sums: Iterable[tuple[str, _Sum]] = self._sums()
        if self._by_size:
            sums = sorted(sums, key=lambda row: -row[1].stored)
        return (held.row(name) for name, held in sums)

    def _sums(self) -> Iterator[tuple[str, _Sum]]:
        """The leaves or subtrees to show, ordered by tree and name."""
        depth = self._depth
        name, held = "", _Sum()
        for leaf in self._leaves:
            of_leaf = leaf.path if depth is None else leaf.subtree(depth)
            if held.leaves and of_leaf != name:
                yield name, held
                held = _Sum()
            name = of_leaf
            held.add(leaf)
        if held.leaves:
            yield name, held


def file_rows(usage: Amounts, view: View) -> Iterator[tuple[str, ...]]:
    """Show files, one row each."""
    files = _sorted_files(usage.files, view.sort or "size")
    chunks: list[FileUsage] = []
    if not view.all_files:
        chunks = [file for file in files if file.role == "chunk"]
        files = [file for file in files if file.role != "chunk"]
    shown = files if view.all_files else files[:_FILES_SHOWN]
    for file in shown:
        yield _file_row(file)
    for rest, noun in ((files[len(shown) :], "more file"), (chunks, "chunk file")):
        if rest:
            yield _rest_row(rest, noun)


def _rest_row(files: list[FileUsage], noun: str) -> tuple[str, ...]:
    return (
        f"({counted(len(files), noun)})",
        "",
        f"{sum(file.values for file in files):,}",
        f"{sum(file.nodes for file in files):,}",
        size(sum(file.size or 0 for file in files)),
        size(sum(file.free_bytes for file in files)),
    )


def _path(file: FileUsage) -> str:
    return file.path if file.checkpointable is None else f"{file.checkpointable}/{file.path}"


def _file_row(file: FileUsage) -> tuple[str, ...]:
    return (
        printable(_path(file)),
        file.role,
        f"{file.values:,}" if file.values else "",
        f"{file.nodes:,}" if file.nodes else "",
        "missing" if file.size is None else size(file.size),
        size(file.free_bytes) if file.free_bytes else "",
    )


def totals(usage: Amounts, param: str | None = None) -> Iterator[tuple[str, str]]:
    """Show the totals: labels and texts.

    Args:
        usage: of a checkpoint.
        param: the pattern of the leaves that it has; None if it has all.
    """
    yield "path", printable(usage.place)
    if usage.alone is not None:
        yield "measured", str(usage.alone)
        if usage.alone.others:
            yield "others", f"not measured: {usage.alone.shown_others()}"
    if param is not None:
        yield "param", f"{printable(param)}: no other leaf, and no file, is counted"
    tally = Tally(usage.leaves)
    of_arrays = all(nbytes or not stored for _, nbytes, stored in tally.dtypes.values())
    known = tally.stored and of_arrays and not tally.unreadable
    ratio = f", ratio {tally.nbytes / tally.stored:.2f}" if known else ""
    yield "chunks", f"{size(tally.stored)} for {size(tally.nbytes)} in memory{ratio}"
    label = "types"
    for dtype, (count, nbytes, stored) in tally.dtypes.items():
        leaves = counted(count, "leaf", "leaves")
        yield label, f"{dtype}: {leaves}, {size(stored)} for {size(nbytes)}"
        label = ""
    if tally.unreadable:
        leaves = counted(tally.unreadable, "leaf", "leaves")
        yield label, f"unreadable: {leaves}, {size(tally.unreadable_stored)}"
    if param is None:
        yield from _of_files(usage)


def _of_files(usage: Amounts) -> Iterator[tuple[str, str]]:
    """Show the totals of files, and the bytes that belong to no leaf."""
    if usage.strays:
        yield "stray", f"{size(usage.strays)} of values that belong to no leaf"
    yield "data", f"{size(usage.data)} of values in files"
    yield "index", f"{size(usage.index)} of documents and nodes"
    yield "unused", f"{size(usage.free)} that nothing in the newest version refers to"
    if usage.unknown:
        yield "unknown", f"{size(usage.unknown)} that may be unused: the index is damaged or gone"
    if usage.others:
        yield "other", f"{size(usage.others)} of other files"
    yield "on disk", f"{size(usage.total)} in {counted(len(usage.files), 'file')}"


def cells(row: CheckpointUsage, error: str) -> tuple[str, ...]:
    """Show one of several checkpoints as a row, with its error as text."""
    return (
        printable(row.place),
        row.state,
        "" if row.nbytes is None else size(row.nbytes),
        size(row.total),
        size(row.free) if row.free else "",
        printable(within(row.place, error)),
    )


def totals_of_several(rows: Sequence[CheckpointUsage]) -> Iterator[tuple[str, str]]:
    """Show the totals of several checkpoints: labels and texts."""
    uncommitted = [row.total for row in rows if row.state == "uncommitted"]
    free = sum(row.free or 0 for row in rows)
    yield "memory", f"{size(sum(row.nbytes or 0 for row in rows))} in all leaves"
    yield "unused", f"{size(free)} that nothing in the newest versions refers to"
    if uncommitted:
        saves = counted(len(uncommitted), "uncommitted save")
        yield "unfinished", f"{size(sum(uncommitted))} in {saves}"
    total = size(sum(row.total for row in rows))
    yield "on disk", f"{total} in {counted(len(rows), 'checkpoint')}"
