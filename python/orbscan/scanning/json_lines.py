"""Tables of a scan as JSON, a row on each line: written by the core, read as text."""

from __future__ import annotations

import os

from orbscan.scanning.files import replaced
from orbscan.scanning.since import Found

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from orbscan import _core

    Row = dict[str, object]
    T = TypeVar("T")

SUFFIX = ".jsonl"
"""The suffix of such a file."""

TAKES = f"a {SUFFIX} file can only take rows from another such file"
"""Why another earlier table is refused."""

# The common beginning of all rows of leaves of one checkpoint ends here; quotes in texts are
# escaped.
_END_OF_HEAD = ', "checkpointable": '
_COMPLETE = ', "complete": true}\n'


def document(
    stream: _core.ArrowStream, head: dict[str, object], member: str, *, between: str = ", "
) -> Iterator[str]:
    """Compose one document around the rows of a table: pieces of ASCII text.

    The head comes with the first rows: an error before them leaves nothing behind, and an error
    after them ends the document with a member `error`.

    Args:
        stream: the rows.
        head: the members before them, without the version.
        member: the name of the list of rows.
        between: the text between two rows; with a newline in it, each has a separate line.
    """
    import json

    from orbscan import _core

    edge = "\n" if "\n" in between else ""
    before = json.dumps({"schema_version": _core.TABLES_VERSION, **head})
    before = f'{before[:-1]}, "{member}": [{edge}'
    try:
        for lines, _ in stream.json_lines(ascii=True):
            yield before + lines.decode("ascii").rstrip("\n").replace("\n", between)
            before = between
    except (Exception, KeyboardInterrupt) as error:
        if before == between:
            reason = str(error) or type(error).__name__
            yield f'{edge}], "error": {json.dumps(reason)}}}\n'
        raise
    yield (edge if before == between else before) + "]}\n"


def found(previous: str | os.PathLike[str]) -> Iterator[Found]:
    """Yield what the file of an earlier scan says about each checkpoint.

    Raises:
        ValueError: it is not a file of a scan.
        OSError: it cannot be read.
    """

    def of_row(row: Row) -> Found:
        fingerprint = None if row["fingerprint"] is None else int(str(row["fingerprint"]), 16)
        complete = None if row["complete"] is None else bool(row["complete"])
        # The rows of a table of leaves come from trees.
        trees = "state" not in row or row["leaves"] is not None
        return Found(str(row["path"]), fingerprint, complete=complete, trees=trees)

    last = None
    for one, _ in _each(previous, of_row):
        if one is not last:
            yield one
        last = one


def write(
    stream: _core.ArrowStream,
    path: str | os.PathLike[str],
    *,
    since: str | os.PathLike[str] | None = None,
) -> int:
    """Write what is new and, after it, the rows that have not changed.

    Args:
        stream: the table of the new scan.
        path: the file, which has another name until it is complete.
        since: the file of the earlier scan that the new one got; None if there is none. May be the
            file at `path`.

    Returns:
        the number of rows that were written.

    Raises:
        ValueError: the earlier file does not have this form, is not one of a scan, or of another
            table.
        OSError: a file cannot be read or written.
    """
    if since is not None:
        if not os.fspath(since).endswith(SUFFIX):
            raise ValueError(TAKES)
        _check_table(since, stream.table)

    def write(unfinished: str) -> int:
        rows = 0
        with open(unfinished, "wb") as file:  # noqa: PTH123 - pathlib takes longer to import
            for lines, count in stream.json_lines():
                file.write(lines)
                rows += count
            for line in () if since is None else _kept(since, {*stream.unchanged()}):
                file.write(line.encode())
                rows += 1
        return rows

    return replaced(path, write)


def _check_table(previous: str | os.PathLike[str], table: str) -> None:
    """Check the first row: a mistake should show before hours of scanning."""
    for of_checkpoints, _ in _each(previous, lambda row: "state" in row):
        if of_checkpoints != (table == "checkpoints"):
            message = f"the earlier table is one of another kind, not of {table}"
            raise ValueError(message)
        return


def _kept(previous: str | os.PathLike[str], unchanged: set[str]) -> Iterator[str]:
    """Yield the lines of an earlier file about what has not changed."""
    import json

    def row_of(row: Row) -> Row | None:
        return row if row["path"] in unchanged else None

    for row, line in _each(previous, row_of):
        if row is not None and "state" in row:
            yield json.dumps({**row, "state": "unchanged"}, ensure_ascii=False) + "\n"
        elif row is not None:
            yield line


def _each(previous: str | os.PathLike[str], use: Callable[[Row], T]) -> Iterator[tuple[T, str]]:
    """Yield the lines of an earlier file, each with the decoded row.

    Only the first row of a complete checkpoint is decoded: it also stands for the others, because
    all rows of a checkpoint begin and end alike.

    Raises:
        ValueError: it is not a file of a scan.
    """
    import json

    head: str = ""
    # A line that is not UTF-8 is not JSON either.
    with open(previous, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        for number, line in enumerate(file, 1):
            if not (head and line.startswith(head) and line.endswith(_COMPLETE)):
                head = line[: line.find(_END_OF_HEAD) + 1]
                try:
                    made = use(json.loads(line))
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    message = f"line {number} is not a row of an earlier scan"
                    raise ValueError(message) from error
            yield made, line
