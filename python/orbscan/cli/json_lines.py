"""Tables of a scan as files of JSON, a row on each line: written and read without any library."""

from __future__ import annotations

import contextlib
import json
import os

from orbscan.cli.exits import USAGE, Refusal
from orbscan.errors import OutOfMemoryError
from orbscan.scanning.rows import checkpoint_row, leaf_rows
from orbscan.scanning.since import Found

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO, TypeVar

    from orbscan import _core
    from orbscan.scanning.rows import Row

    T = TypeVar("T")


# What all rows of leaves of one checkpoint begin with ends here; quotes in a text are escaped.
_END_OF_HEAD = ', "checkpointable": '
_COMPLETE = ', "complete": true}\n'


class Tally:
    """How a scan ended.

    Attributes:
        checkpoints: how many were found.
        failed: how many of them could not be read completely.
        rows: how many were written.
        lacking: why the first could not be read for which there was too little memory.
    """

    __slots__ = ("checkpoints", "failed", "lacking", "rows")

    def __init__(
        self,
        checkpoints: int = 0,
        failed: int = 0,
        rows: int = 0,
        lacking: OutOfMemoryError | None = None,
    ) -> None:
        self.checkpoints = checkpoints
        self.failed = failed
        self.rows = rows
        self.lacking = lacking

    def counting(self, entries: Iterable[_core.Entry]) -> Iterator[_core.Entry]:
        """Count entries as they pass."""
        for entry in entries:
            self.checkpoints += 1
            self.failed += entry.complete is False
            if self.lacking is None and isinstance(error := entry.error, OutOfMemoryError):
                self.lacking = error
            yield entry


def rows(table: str, entries: Iterable[_core.Entry]) -> Iterator[Row]:
    """Describe checkpoints in the columns of a table, `leaves` or `checkpoints`."""
    for entry in entries:
        if table == "checkpoints":
            yield checkpoint_row(entry)
        else:
            yield from leaf_rows(entry)


def write(
    target: str, table: str, entries: Iterable[_core.Entry], *, previous: str | None = None
) -> Tally:
    """Write a table to a file, which has another name until it is complete.

    Args:
        target: the file.
        table: `leaves` or `checkpoints`.
        entries: what is to be written.
        previous: the file of an earlier scan, of the same table: the rows of what has not changed
            are taken from it. May be the target.

    Raises:
        Refusal: the earlier file is none of a scan.
        OSError: a file cannot be read or written.
    """
    # The file that a link leads to is replaced, not the link.
    directory, name = os.path.split(os.path.realpath(target) if _is_link(target) else target)
    unfinished = os.path.join(directory, f".{name}.{os.getpid()}.tmp")  # noqa: PTH118
    tally = Tally()
    unchanged: set[str] = set()

    def counted(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            tally.rows += 1
            yield line

    encode = json.JSONEncoder(ensure_ascii=False).encode
    try:
        with _created(unfinished, target) as file:
            fresh = _fresh(tally.counting(entries), unchanged)
            file.writelines(counted(f"{encode(row)}\n" for row in rows(table, fresh)))
            if previous is not None:
                file.writelines(counted(_kept(previous, unchanged)))
        os.replace(unfinished, os.path.join(directory, name))  # noqa: PTH105, PTH118
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)  # noqa: PTH108
        raise
    return tally


def _created(unfinished: str, target: str) -> TextIO:
    """Open the unfinished file; an error names the one that was asked for."""
    try:
        return open(unfinished, "w", encoding="utf-8", newline="\n")  # noqa: PTH123
    except OSError as error:
        raise OSError(error.errno, error.strerror, target) from error


def _is_link(path: str) -> bool:
    return os.path.islink(path)  # noqa: PTH114


def found(previous: str, table: str) -> Iterator[Found]:
    """Give what the file of an earlier scan says of each checkpoint.

    Args:
        previous: the file.
        table: which one it must be, `leaves` or `checkpoints`.

    Raises:
        Refusal: it is no such file, or one of the other table.
        OSError: it cannot be read.
    """

    def of_row(row: Row) -> Found:
        if ("state" in row) != (table == "checkpoints"):
            message = f"{previous} is a table of another kind, not of {table}"
            raise Refusal(message, USAGE)
        fingerprint = None if row["fingerprint"] is None else int(str(row["fingerprint"]), 16)
        complete = None if row["complete"] is None else bool(row["complete"])
        # The rows of a table of leaves are the leaves of trees.
        trees = "state" not in row or row["leaves"] is not None
        return Found(str(row["path"]), fingerprint, complete=complete, trees=trees)

    last = None
    for one, _ in _each(previous, of_row):
        if one is not last:
            yield one
        last = one


def _fresh(entries: Iterable[_core.Entry], unchanged: set[str]) -> Iterator[_core.Entry]:
    """Leave out what has not changed, and remember its paths."""
    for entry in entries:
        if entry.state == "unchanged":
            unchanged.add(entry.path)
        else:
            yield entry


def _kept(previous: str, unchanged: set[str]) -> Iterator[str]:
    """The lines of an earlier file about what has not changed."""

    def row_of(row: Row) -> Row | None:
        return row if row["path"] in unchanged else None

    for row, line in _each(previous, row_of):
        if row is not None and "state" in row:
            yield json.dumps({**row, "state": "unchanged"}, ensure_ascii=False) + "\n"
        elif row is not None:
            yield line


def _each(previous: str, use: Callable[[Row], T]) -> Iterator[tuple[T, str]]:
    """The lines of an earlier file, each with what is made of the row.

    Only the first row of a complete checkpoint is decoded: what is made of it stands for the others
    too. All rows of a checkpoint begin and end alike.

    Raises:
        Refusal: it is no such file.
    """
    head: str = ""
    # What is not UTF-8 is no JSON either way, and has a line then.
    with open(previous, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        for number, line in enumerate(file, 1):
            if not (head and line.startswith(head) and line.endswith(_COMPLETE)):
                head = line[: line.find(_END_OF_HEAD) + 1]
                try:
                    made = use(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    message = f"{previous}, line {number}: not a row of an earlier scan"
                    raise Refusal(message, USAGE) from error
            yield made, line
