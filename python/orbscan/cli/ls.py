"""`orbscan ls`: the checkpoints below some directories, as a table or as JSON."""

from __future__ import annotations

import os
import sys
from collections import Counter

from orbscan.cli import search
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINE, PARTIAL
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.messages import told
from orbscan.errors import OrbscanError, OutOfMemoryError, located
from orbscan.showing.fitting import Fitting
from orbscan.showing.states import state_of_entry
from orbscan.showing.text import NSECS_PER_SEC, counted, printable, size, within

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import TypeAlias

    from orbscan import _core
    from orbscan.cli import output
    from orbscan.showing.fitting import Gives

    Outcome: TypeAlias = tuple[int, int, BaseException | None]
    """How many checkpoints there are, how many are incomplete, and the error of the first one for
    which there was too little memory."""

_EXAMPLES = """\
examples:
  orbscan ls runs
  orbscan ls runs/7b --latest 3
  orbscan ls 'runs/*' --match '**/checkpoints/*' --steps 1000:
  orbscan ls runs --uncommitted -o json | jq -r '.checkpoints[].path'

The exit code is 5 if a checkpoint, or a part of one, could not be read, 4 if there
was too little memory for one, and 3 if there is none.

"""

_COLUMNS = {
    "STEP": "",
    "NAME": "",
    "KIND": "",
    "AGE": "",
    "LEAVES": "count",
    "PARAMETERS": "count",
    "ELEMENTS": "count",
    "SIZE": "",
    "TOOK": "",
    "STATE": "state",
    "NOTE": "fault",
}
_RIGHT = {0, 3, 4, 5, 6, 7, 8}
_GIVES: tuple[Gives, ...] = (
    ("NOTE", 30),
    ("ELEMENTS", 0),
    ("PARAMETERS", 0),
    ("KIND", 0),
    ("TOOK", 0),
    ("NAME", 20),
    ("NOTE", 16),
    ("LEAVES", 0),
    ("NAME", 12),
    ("AGE", 0),
    ("SIZE", 0),
    ("NOTE", 0),
    ("STATE", 4),
    ("NAME", 4),
    ("STEP", 4),
)
_INDENT = "  "
_AGES = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "ls",
        help="list the checkpoints below directories",
        description="List the checkpoints below directories, the newest step last: their age, "
        "their contents, how long it took to save them, and which are broken or unfinished.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    search.add_arguments(parser)
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Find and read the checkpoints, and write the result to stdout."""
    scan = search.begin(arguments, ordered=True)
    write = _write_document if arguments.output.format == JSON else _write_table
    with arguments.output.opened():
        seen, incomplete, lacking = write(arguments, scan)
        if not seen and arguments.shard is None:
            raise search.nothing_found(arguments)
    if lacking is not None:
        # That is not a fault of the checkpoint, and does not concern the others.
        raise lacking
    return PARTIAL if incomplete else FINE


def _write_document(_: argparse.Namespace, scan: _core.Scan) -> Outcome:
    """Write a line of JSON."""
    from orbscan import _core
    from orbscan.cli import progress
    from orbscan.scanning.json_lines import document

    stream = _core.checkpoint_stream(scan)
    with progress.Line(scan):
        pieces = [*document(stream, {}, "checkpoints")]
    sys.stdout.writelines(pieces)
    return stream.checkpoints_seen, stream.checkpoints_incomplete, stream.lacking


def _write_table(arguments: argparse.Namespace, scan: _core.Scan) -> Outcome:
    """Write a table for people."""
    from orbscan.cli import output, progress

    with progress.Line(scan):
        found = Found(scan)
    if found.refused and len(found.refused) == len(found.checkpoints):
        # Nothing is broken: the path was wrong. Programs get a row.
        raise found.refused[0]
    if found.checkpoints:
        output.write(table(found, output.fitting(arguments)))
    return len(found.checkpoints), found.incomplete, found.lacking


class Found:
    """The lines to show; the trees themselves are not kept.

    Attributes:
        checkpoints: the directory of each, and the cells that show it.
        states: how many there are in each state.
        incomplete: how many could not be read completely.
        nbytes: the bytes of all leaves in memory.
        refused: why a given path is not searched: it lies in a checkpoint, or is a file.
        lacking: the error of the first checkpoint for which there was too little memory.
    """

    def __init__(self, entries: Iterable[_core.Entry], now_nsecs: int | None = None) -> None:
        """Keep lines of text.

        Args:
            entries: in the order of their paths.
            now_nsecs: the time from which ages are counted, in nanoseconds since 1970; None for
                now.
        """
        if now_nsecs is None:
            import time

            now_nsecs = time.time_ns()
        self.checkpoints: list[tuple[str, tuple[str, ...]]] = []
        self.states: Counter[str] = Counter()
        self.incomplete = 0
        self.refused: list[OrbscanError] = []
        self.lacking: OutOfMemoryError | None = None
        sizes: list[int] = []
        for entry in entries:
            directory, _, _ = entry.path.rstrip("/").rpartition("/")
            self.checkpoints.append((directory, _cells(entry, now_nsecs, sizes)))
            self.states[state_of_entry(entry)] += 1
            error = entry.error
            if isinstance(error, OrbscanError) and entry.path == entry.root:
                is_file = error.kind == "unknown_layout" and os.path.isfile(entry.path)  # noqa: PTH113
                self.refused += [error] if error.advice or is_file else []
            if self.lacking is None and isinstance(error, OutOfMemoryError):
                self.lacking = error
            self.incomplete += entry.complete is False
        self.nbytes = sum(sizes)


def table(found: Found, fitting: Fitting | None = None) -> list[output.Line]:
    """Show checkpoints as text: a block for each directory, and how many there are."""
    from orbscan.cli.output import tabular

    fitting = fitting or Fitting()
    blocks: dict[str, list[tuple[str, ...]]] = {}
    for directory, cells in found.checkpoints:
        blocks.setdefault(directory, []).append(cells)
    lines: list[output.Line] = []
    for directory, block in blocks.items():
        lines.append([("heading", printable(directory or "."))])
        rows = [tuple(_COLUMNS), *block]
        fitted = fitting.rows(rows, right=_RIGHT, gives=_GIVES, indent=len(_INDENT))
        lines += tabular(fitted, [*_COLUMNS.values()], indent=_INDENT)
        lines.append([])
    lines += [[("faint", note)] for note in fitting.note()]
    counts = [f"{count:,} {state}" for state, count in sorted(found.states.items())]
    total = f"{counted(len(found.checkpoints), 'checkpoint')}: {', '.join(counts)}"
    total += f"; {size(found.nbytes)} in memory" if found.nbytes else ""
    return [*lines, [("label", "total      "), ("", total)]]


def _cells(entry: _core.Entry, now_nsecs: int, sizes: list[int]) -> tuple[str, ...]:
    """Show a checkpoint; the bytes of its leaves in memory are added to `sizes`."""
    from orbscan.reading.totals import commit_nsecs, duration_nsecs, totals

    name = entry.path.rstrip("/").rpartition("/")[2]
    step = "" if entry.step is None else str(entry.step)
    checkpoint = entry.checkpoint
    held = None if checkpoint is None else totals(checkpoint)
    if held is not None:
        sizes.append(held.nbytes)
    committed = None if checkpoint is None else commit_nsecs(checkpoint)
    took = None if checkpoint is None else duration_nsecs(checkpoint)
    return (
        step,
        "" if name == step else printable(name),
        entry.kind,
        "" if committed is None else age(now_nsecs - committed),
        "" if held is None else f"{held.leaves:,}",
        "" if held is None else f"{held.parameters:,}",
        "" if held is None else f"{held.elements:,}",
        "" if held is None else size(held.nbytes),
        "" if took is None else f"{took / NSECS_PER_SEC:.1f} s",
        state_of_entry(entry),
        _note(entry),
    )


def _note(entry: _core.Entry) -> str:
    if entry.error is not None:
        return printable(within(entry.path, told(entry.error)))
    issues = [] if entry.checkpoint is None else entry.checkpoint.issues
    if entry.complete is False:
        return "; ".join(
            printable(within(entry.path, located(reason, file, offset, in_body=in_body)))
            for _, file, offset, in_body, reason in issues
        )
    if issues:
        return counted(len(issues), "issue")
    return "" if entry.committed else entry.commit_reason


def age(nsecs: int) -> str:
    """Show how long ago something was, in the unit that fits best.

    >>> age(90 * 60 * 10**9), age(-1)
    ('1.5 h', '0 s')
    """
    seconds = max(nsecs, 0) / NSECS_PER_SEC
    for unit, length in _AGES:
        if seconds >= length:
            amount = seconds / length
            return f"{amount:.1f} {unit}" if length > 1 else f"{amount:.0f} {unit}"
    return "0 s"
