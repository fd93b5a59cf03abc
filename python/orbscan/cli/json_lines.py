"""Tables of a scan as files of JSON, a row on each line: written and read without any library."""

from __future__ import annotations

import contextlib
import json
import os

from orbscan.cli.exits import USAGE, Refusal
from orbscan.cli.rows import checkpoint_row, leaf_rows
from orbscan.scanning import is_whole

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orbscan import _core
    from orbscan.cli.rows import Row

# The states of checkpoints of which a table has all that a scan would find again.
_KNOWN = ("read", "unchanged")


# What all rows of leaves of one checkpoint begin with ends here; quotes in a text are escaped.
_END_OF_HEAD = ', "checkpointable": '
_NO_ERROR = '"error": null}\n'


class Tally:
    """How a scan ended.

    Attributes:
        checkpoints: how many were found.
        failed: of how many of them all or a part could not be read.
    """

    __slots__ = ("checkpoints", "failed")

    def __init__(self, checkpoints: int = 0, failed: int = 0) -> None:
        self.checkpoints = checkpoints
        self.failed = failed

    def counting(self, entries: Iterable[_core.Entry]) -> Iterator[_core.Entry]:
        """Count entries as they pass."""
        for entry in entries:
            self.checkpoints += 1
            self.failed += not is_whole(entry)
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
    encode = json.JSONEncoder(ensure_ascii=False).encode
    try:
        with open(unfinished, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
            fresh = _fresh(tally.counting(entries), unchanged)
            file.writelines(f"{encode(row)}\n" for row in rows(table, fresh))
            if previous is not None:
                file.writelines(_kept(previous, unchanged))
        os.replace(unfinished, os.path.join(directory, name))  # noqa: PTH105, PTH118
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished)  # noqa: PTH108
        raise
    return tally


def _is_link(path: str) -> bool:
    return os.path.islink(path)  # noqa: PTH114


def identities(previous: str, table: str) -> dict[str, int]:
    """Tell which checkpoints the file of an earlier scan has whole, and the identity of each.

    Args:
        previous: the file.
        table: which one it must be, `leaves` or `checkpoints`.

    Raises:
        Refusal: it is no such file, or one of the other table.
        OSError: it cannot be read.
    """
    found: dict[str, int] = {}
    partial: set[str] = set()

    def note(row: Row, _: str) -> None:
        path, identity = str(row["path"]), row["identity"]
        if ("state" in row) != (table == "checkpoints"):
            message = f"{previous} is a table of another kind, not of {table}"
            raise Refusal(message, USAGE)
        known = row["error"] is None
        if "state" in row:
            # One issue may be of a part that was lost; without trees there is no number of leaves.
            whole = row["state"] in _KNOWN and not row["issues"] and row["leaves"] is not None
            known = known and whole
        if not known:
            partial.add(path)
        elif identity is not None:
            found[path] = int(str(identity), 16)

    for _ in _each(previous, note):
        pass
    return {path: identity for path, identity in found.items() if path not in partial}


def _fresh(entries: Iterable[_core.Entry], unchanged: set[str]) -> Iterator[_core.Entry]:
    """Leave out what has not changed, and remember its paths."""
    for entry in entries:
        if entry.state == "unchanged":
            unchanged.add(entry.path)
        else:
            yield entry


def _kept(previous: str, unchanged: set[str]) -> Iterator[str]:
    """The lines of an earlier file about what has not changed."""

    def line_of(row: Row, line: str) -> str | None:
        if row["path"] not in unchanged:
            return None
        if "state" not in row:
            return line
        return json.dumps({**row, "state": "unchanged"}, ensure_ascii=False) + "\n"

    return (line for line in _each(previous, line_of) if line is not None)


def _each(previous: str, use: Callable[[Row, str], str | None]) -> Iterator[str | None]:
    """What is made of each row of an earlier file and its line.

    Only the first row of a checkpoint is decoded, and those with an error: of the others their own
    line is made if something was made of the first.

    Raises:
        Refusal: it is no such file.
    """
    head, made = "", None
    # What is not UTF-8 is no JSON either way, and has a line then.
    with open(previous, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
        for number, line in enumerate(file, 1):
            if head and line.startswith(head) and line.endswith(_NO_ERROR):
                yield None if made is None else line
                continue
            head = line[: line.find(_END_OF_HEAD) + 1]
            try:
                made = use(json.loads(line), line)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                message = f"{previous}, line {number}: not a row of an earlier scan"
                raise Refusal(message, USAGE) from error
            yield made
