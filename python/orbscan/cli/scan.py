"""`orbscan scan`: many checkpoints into a table, as a file or on stdout."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from orbscan.cli import catalogue, search
from orbscan.cli.destination import CATALOGUE, JSON, JSON_LINES, Destination, What, either
from orbscan.cli.exits import FINE, PARTIAL, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.signals import cleaning_up
from orbscan.scanning.json_lines import document
from orbscan.scanning.levels import LEVELS, depth
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan import _core

_EXAMPLES = """\
examples:
  orbscan scan runs -o leaves.parquet
  orbscan scan runs -o runs.jsonl --table checkpoints --latest 3
  orbscan scan runs -o new.parquet --since old.parquet
  orbscan scan runs -o fleet.delta
  orbscan scan runs -o damage.parquet --table findings --level data
  orbscan scan runs -o json --table checkpoints | jq '.rows[] | select(.error)'
  find runs -name '*000' | orbscan scan - -o leaves.arrow
  orbscan scan runs -o "part-$SLURM_ARRAY_TASK_ID.parquet" --shard "$SLURM_ARRAY_TASK_ID/64"

The exit code is 5 if a checkpoint, or a part of one, could not be read: its rows are not complete;
of --table findings the rows alone say what is wrong. It is 4 if there was too little memory for a
checkpoint, and 3 if there is none.

"""

_WITH_CATEGORIES = "parquet"
_BY_PYARROW = ("parquet", "arrow", "csv")
_READ_BY_PYARROW = (".parquet", ".arrow")
_WHAT = What((JSON, JSON_LINES), (*_BY_PYARROW, JSON_LINES, JSON, CATALOGUE))


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "scan",
        help="put the leaves of many checkpoints into a table",
        description="Find checkpoints below directories and write a table of their leaves, or of "
        "the checkpoints themselves. docs/tables.md describes the columns.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    search.add_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="WHAT",
        type=_WHAT,
        help="a file that ends in .parquet, .arrow, .csv (these need pyarrow), .jsonl or .json, "
        "which appears when it is complete; or a catalogue, which ends in .delta and is updated; "
        "json and jsonl write to stdout, one document, or one for each row (default: json, unless "
        "stdout is a terminal)",
    )
    parser.add_argument(
        "--table",
        choices=["leaves", "checkpoints", "findings"],
        help="a row for each leaf, for each checkpoint, or for each finding of a check and each "
        "sound checkpoint (default: leaves; a catalogue has the first two)",
    )
    parser.add_argument(
        "--level",
        choices=LEVELS,
        help="how deep to check with --table findings, as for orbscan verify (default: index)",
    )
    parser.add_argument(
        "--add-roots",
        action="store_true",
        help="the roots may be new ones, which are added to the catalogue",
    )
    parser.add_argument(
        "--since",
        metavar="FILE",
        help="the table of an earlier scan: rows of unchanged checkpoints are taken from it",
    )
    parser.add_argument(
        "--categories",
        action="store_true",
        help="columns with few distinct texts, such as dtype, become dictionaries (only .parquet)",
    )
    parser.add_argument(
        "--ordered", action="store_true", help="sort rows by path, and steps by their numbers"
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Scan, and write the table."""
    if arguments.output is None:
        if sys.stdout.isatty():
            arguments.parser.error("on a terminal, pass -o FILE, or -o json to print all rows")
        arguments.output = Destination(JSON)
    _check_options(arguments)
    output = arguments.output
    if output.format == CATALOGUE:
        return _as_catalogue(arguments)
    arguments.table = arguments.table or "leaves"
    if output.path is None or output.format == JSON:
        stream = _as_text(arguments)
    else:
        with cleaning_up():
            stream = _as_file(arguments, output)
    if stream.lacking is not None:
        raise stream.lacking
    # The table has all findings, including checkpoints that could not be checked.
    failed = 0 if arguments.table == "findings" else stream.checkpoints_incomplete
    return _status(arguments, stream.checkpoints_seen, failed)


def _as_catalogue(arguments: argparse.Namespace) -> int:
    with cleaning_up():
        done = catalogue.updated(arguments)
    return _status(arguments, done.changed + done.unchanged, done.incomplete)


def _status(arguments: argparse.Namespace, seen: int, failed: int) -> int:
    """Determine the exit code.

    Raises:
        Refusal: some checkpoints could not be read, or there are none.
    """
    if failed:
        of = counted(seen, "checkpoint")
        message = f"{failed:,} of {of} could not be read completely: see the column complete"
        raise Refusal(message, PARTIAL)
    if not seen and arguments.shard is None:
        raise search.nothing_found(arguments)
    return FINE


def _check_options(arguments: argparse.Namespace) -> None:
    """Refuse options that do not apply to the table, or to the output.

    Raises:
        SystemExit: wrong use; the usage was printed.
    """
    what = arguments.output.format
    if arguments.level is not None and arguments.table != "findings":
        arguments.parser.error("--level goes with --table findings")
    if arguments.since is not None and arguments.table == "findings":
        arguments.parser.error("--since is not for --table findings: a check looks at everything")
    if arguments.categories and what != _WITH_CATEGORIES:
        arguments.parser.error(f"--categories needs a file that ends in .{_WITH_CATEGORIES}")
    if arguments.add_roots and what != CATALOGUE:
        arguments.parser.error(f"--add-roots goes with a name that ends in .{CATALOGUE}")
    if what == CATALOGUE:
        catalogue.check(arguments)
    elif arguments.since is not None:
        _check_since(arguments, arguments.output)


def _check_since(arguments: argparse.Namespace, output: Destination) -> None:
    """Refuse the table of an earlier scan whose rows cannot be taken over."""
    if output.path is None or output.format == JSON:
        arguments.parser.error("--since needs -o with the name of a table, such as leaves.parquet")
    since: str = os.path.splitext(arguments.since)[1]  # noqa: PTH122 - pathlib takes longer to import
    of_lines = f".{JSON_LINES}"
    if (since == of_lines) != (output.format == JSON_LINES):
        arguments.parser.error(f"-o and --since must both end in {of_lines}, or neither of them")
    if since not in {of_lines, *_READ_BY_PYARROW}:
        arguments.parser.error(f"--since takes a file that ends in {either(_READ_BY_PYARROW)}")


def _stream(
    arguments: argparse.Namespace, since: dict[str, int] | None = None
) -> tuple[_core.Scan, _core.ArrowStream]:
    """Begin the scan: returns its progress, and its rows."""
    from orbscan import _core

    is_check = arguments.table == "findings"
    more = {"leaves": False} if is_check else {}
    scan = search.begin(arguments, ordered=arguments.ordered, since=since, **more)
    if not is_check:
        stream = _core.leaf_stream if arguments.table == "leaves" else _core.checkpoint_stream
        return scan, stream(scan, categories=arguments.categories)
    level = depth(arguments.level or "index", None)
    return scan, _core.finding_stream(
        scan,
        arguments.searched,
        level,
        check_values=False,
        max_bandwidth=None,
        atomicity=arguments.atomicity,
        categories=arguments.categories,
    )


def _as_file(arguments: argparse.Namespace, output: Destination) -> _core.ArrowStream:
    from importlib.util import find_spec

    path = output.path or ""
    if output.format in _BY_PYARROW and find_spec("pyarrow") is None:
        message = f"{path} needs pyarrow: pip install 'orbscan[tables]'"
        raise Refusal(message, USAGE)
    from orbscan.cli import progress

    previous = arguments.since
    try:
        scan, stream = _stream(arguments, _known(previous))
        with progress.Line(scan):
            written = _written(stream, output, previous)
    except ValueError as error:
        if previous is None:
            raise
        message = f"{previous}: {error}"
        raise Refusal(message, USAGE) from error
    rows = f"{counted(written, 'row')} of {counted(stream.checkpoints_seen, 'checkpoint')}"
    # The work is done even if nothing is shown.
    print(f"wrote {rows} to {printable(path)}", file=sys.stderr)
    return stream


def _known(previous: str | None) -> dict[str, int] | None:
    """The content of an earlier table."""
    if previous is None:
        return None
    from orbscan.scanning.earlier import fingerprints

    return fingerprints(previous)


def _written(stream: _core.ArrowStream, output: Destination, previous: str | None) -> int:
    """Write the rows, and return how many; only some kinds of files need slow imports."""
    path = output.path or ""
    if output.format == JSON_LINES:
        from orbscan.scanning import json_lines

        return json_lines.write(stream, path, since=previous)
    from orbscan.scanning import tables

    return tables.write_table(stream, path, since=previous)


def _as_text(arguments: argparse.Namespace) -> _core.ArrowStream:
    """Write JSON, as the rows come."""
    with arguments.output.opened(), ExitStack() as told:
        scan, stream = _stream(arguments)
        if arguments.output.path is not None:
            from orbscan.cli import progress

            told.enter_context(progress.Line(scan))
        if arguments.output.format == JSON_LINES:
            for lines, _ in stream.json_lines(ascii=True):
                sys.stdout.write(lines.decode("ascii"))
            return stream
        for text in document(stream, {"table": arguments.table}, "rows", between=",\n"):
            sys.stdout.write(text)
    return stream
