"""`orbscan du` of several checkpoints: what each takes on disk, and what all of them do."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from orbscan.cli.exits import FINE, PARTIAL
from orbscan.cli.messages import told
from orbscan.errors import OrbscanError, StoreError
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import counted, labelled, printable, size, within

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.aliases import Atomicity
    from orbscan.cli import output
    from orbscan.showing.fitting import Gives

SCHEMA_VERSION = 1

_TEMPORARY = "temporary"
_COLUMNS = {
    "CHECKPOINT": "",
    "STATE": "state",
    "MEMORY": "",
    "ON DISK": "",
    "UNUSED": "",
    "NOTE": "fault",
}
_RIGHT = {2, 3, 4}
_GIVES: tuple[Gives, ...] = (
    ("NOTE", 30),
    ("CHECKPOINT", 30),
    ("MEMORY", 0),
    ("NOTE", 0),
    ("STATE", 0),
    ("CHECKPOINT", 12),
    ("UNUSED", 0),
)


class Row(NamedTuple):
    """What one checkpoint takes.

    Attributes:
        path: where it lies.
        state: `committed`, `uncommitted`, `temporary` for what a save left behind or has not
            finished, `broken` or `unreadable`.
        total: bytes of all its files.
        nbytes: what its leaves take in memory; None if that is not known.
        stored: bytes of its chunks, likewise.
        free: bytes that nothing of the newest version refers to; None if that is not known.
        error: why it is not known.
    """

    path: str
    state: str
    total: int
    nbytes: int | None = None
    stored: int | None = None
    free: int | None = None
    error: OrbscanError | None = None


def run(arguments: argparse.Namespace, roots: list[str], error: OrbscanError | None) -> int:
    """Measure all checkpoints below roots, and write the answer to stdout.

    Args:
        arguments: of the command.
        roots: where they lie.
        error: why the only root is not a checkpoint itself; raised if nothing lies below it.
    """
    from orbscan.scanning.api import begun

    entries = begun(roots, leaves=False, ordered=True, atomicity=arguments.atomicity)
    rows = [_row(entry, arguments.atomicity) for entry in entries]
    if error is not None and all(row.path == roots[0] for row in rows):
        raise error
    if arguments.sort == "size":
        rows.sort(key=lambda row: -row.total)
    if arguments.output == "json":
        sys.stdout.write(document(rows))
    else:
        from orbscan.cli import output

        output.write(table(rows, output.fitting(arguments)))
    return PARTIAL if any(row.error is not None for row in rows) else FINE


def _row(entry: _core.Entry, atomicity: Atomicity) -> Row:
    from orbscan.checking.measuring import measured

    if entry.temporary or entry.kind == _TEMPORARY:
        return Row(entry.path, _TEMPORARY, size_of(entry.path))
    state = "committed" if entry.committed else "uncommitted"
    try:
        usage, _ = measured(entry.path, atomicity=atomicity, allow_uncommitted=True)
    except OrbscanError as error:
        state = "unreadable" if isinstance(error, StoreError) else "broken"
        return Row(entry.path, state, size_of(entry.path), error=error)
    free = None if usage.unknown else usage.free
    return Row(entry.path, state, usage.total, usage.nbytes, usage.stored, free)


def size_of(path: str) -> int:
    """Add up the sizes of the files below a directory; of what cannot be looked at nothing."""
    total = 0
    for directory, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size  # noqa: PTH118
            except OSError:
                continue
    return total


def document(rows: list[Row]) -> str:
    """Compose a JSON document: one line of ASCII text."""
    import json

    whole = {
        "schema_version": SCHEMA_VERSION,
        "checkpoints": [
            {**row._asdict(), "error": None if row.error is None else str(row.error)}
            for row in rows
        ],
        "totals": {
            "total": sum(row.total for row in rows),
            "nbytes": sum(row.nbytes or 0 for row in rows),
            "stored": sum(row.stored or 0 for row in rows),
            "free": sum(row.free or 0 for row in rows),
            "temporary": sum(row.total for row in rows if row.state == _TEMPORARY),
        },
    }
    return json.dumps(whole, allow_nan=False) + "\n"


def table(rows: list[Row], fitting: Fitting | None = None) -> list[output.Line]:
    """Show checkpoints: a line for each, and what they come to."""
    from orbscan.cli.output import tabular
    from orbscan.showing.text import LABEL

    fitting = fitting or Fitting()
    cells = [tuple(_COLUMNS), *map(_cells, rows)]
    lines = tabular(fitting.rows(cells, right=_RIGHT, gives=_GIVES), [*_COLUMNS.values()])
    lines += [[("faint", note)] for note in fitting.note()]
    lines.append([])
    return lines + [
        [("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(_totals(rows))
    ]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        printable(row.path),
        row.state,
        "" if row.nbytes is None else size(row.nbytes),
        size(row.total),
        size(row.free) if row.free else "",
        "" if row.error is None else printable(within(row.path, told(row.error))),
    )


def _totals(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    rows = list(rows)
    unfinished = [row for row in rows if row.state == _TEMPORARY]
    free = sum(row.free or 0 for row in rows)
    yield "memory", f"{size(sum(row.nbytes or 0 for row in rows))} in all leaves"
    yield "unused", f"{size(free)} that nothing of the newest versions refers to"
    if unfinished:
        saves = counted(len(unfinished), "unfinished save")
        yield "temporary", f"{size(sum(row.total for row in unfinished))} in {saves}"
    total = size(sum(row.total for row in rows))
    yield "on disk", f"{total} in {counted(len(rows), 'checkpoint')}"
