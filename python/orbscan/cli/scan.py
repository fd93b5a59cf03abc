"""`orbscan scan`: many checkpoints into a table, as a file or on stdout."""

from __future__ import annotations

import os
import sys

from orbscan.cli import search
from orbscan.cli.exits import FINE, PARTIAL, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.signals import cleaning_up
from orbscan.scanning.json_lines import SUFFIX as _JSON_LINES
from orbscan.scanning.json_lines import document
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
  orbscan scan runs -o json --table checkpoints | jq '.rows[] | select(.error)'
  find runs -name '*000' | orbscan scan - -o leaves.arrow
  orbscan scan runs -o "part-$SLURM_ARRAY_TASK_ID.parquet" --shard "$SLURM_ARRAY_TASK_ID/64"

The exit code is 5 if a checkpoint, or a part of one, could not be read: its rows are not complete.
It is 4 if there was too little memory for one, and 3 if there is none.

"""

_JSON = "json"
_WITH_CATEGORIES = ".parquet"
_BY_PYARROW = (".parquet", ".arrow", ".csv")
_READ_BY_PYARROW = (".parquet", ".arrow")


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
        metavar="FILE",
        help="a file that ends in .parquet, .arrow, .csv (these need pyarrow) or .jsonl, and that "
        "appears when it is complete; json writes one document to stdout (default: json, unless "
        "stdout is a terminal)",
    )
    parser.add_argument(
        "--table",
        choices=["leaves", "checkpoints"],
        default="leaves",
        help="a row for each leaf, or for each checkpoint (default: leaves)",
    )
    parser.add_argument(
        "--since",
        metavar="FILE",
        help="the table of an earlier scan: what has not changed is taken from it, not read again",
    )
    parser.add_argument(
        "--categories",
        action="store_true",
        help="columns of few different texts, such as dtype, become dictionaries; in .parquet only",
    )
    parser.add_argument(
        "--ordered", action="store_true", help="in the order of paths, steps by their numbers"
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Scan, and write the table."""
    if arguments.output is None:
        if sys.stdout.isatty():
            arguments.parser.error("-o FILE is needed on a terminal, or -o json for all rows here")
        arguments.output = _JSON
    ending = _ending(arguments)
    with cleaning_up():
        stream = _as_json(arguments) if ending == _JSON else _as_file(arguments, ending)
    seen, failed = stream.checkpoints_seen, stream.checkpoints_incomplete
    if stream.lacking is not None:
        raise stream.lacking
    if failed:
        of = counted(seen, "checkpoint")
        message = f"{failed:,} of {of} could not be read completely: see the column complete"
        raise Refusal(message, PARTIAL)
    if not seen and arguments.shard is None:
        raise search.nothing_found(arguments)
    return FINE


def _ending(arguments: argparse.Namespace) -> str:
    output = arguments.output
    if arguments.categories and not output.endswith(_WITH_CATEGORIES):
        arguments.parser.error(f"--categories goes with a file that ends in {_WITH_CATEGORIES}")
    if output == _JSON:
        if arguments.since is not None:
            arguments.parser.error("--since goes with a file: what has not changed is not shown")
        return _JSON
    endings = (*_BY_PYARROW, _JSON_LINES)
    ending: str = os.path.splitext(output)[1]  # noqa: PTH122 - pathlib takes longer to import
    since = None if arguments.since is None else os.path.splitext(arguments.since)[1]  # noqa: PTH122
    if ending not in endings:
        arguments.parser.error(f"-o takes json or a file that ends in {', '.join(endings)}")
    if since is not None and (since == _JSON_LINES) != (ending == _JSON_LINES):
        arguments.parser.error(
            "a .jsonl file goes with --since of a .jsonl file, and only with one"
        )
    if since not in {None, _JSON_LINES, *_READ_BY_PYARROW}:
        arguments.parser.error(f"--since takes a file that ends in {', '.join(_READ_BY_PYARROW)}")
    return ending


def _stream(
    arguments: argparse.Namespace, since: dict[str, int] | None = None
) -> tuple[_core.Scan, _core.ArrowStream]:
    """Begin the scan: gives what tells how far it has come, and its rows."""
    from orbscan import _core

    scan = search.begin(arguments, ordered=arguments.ordered, since=since)
    stream = _core.leaf_stream if arguments.table == "leaves" else _core.checkpoint_stream
    return scan, stream(scan, categories=arguments.categories)


def _as_file(arguments: argparse.Namespace, ending: str) -> _core.ArrowStream:
    from importlib.util import find_spec

    if ending != _JSON_LINES and find_spec("pyarrow") is None:
        message = f"{arguments.output} needs pyarrow: pip install 'orbscan[tables]'"
        raise Refusal(message, USAGE)
    from orbscan.cli import progress

    previous = arguments.since
    try:
        scan, stream = _stream(arguments, _known(previous))
        with progress.Line(scan):
            written = _written(stream, arguments.output, previous)
    except ValueError as error:
        if previous is None:
            raise
        message = f"{previous}: {error}"
        raise Refusal(message, USAGE) from error
    rows = f"{counted(written, 'row')} of {counted(stream.checkpoints_seen, 'checkpoint')}"
    # The work is done, whether or not anybody looks.
    print(f"wrote {rows} to {printable(arguments.output)}", file=sys.stderr)
    return stream


def _known(previous: str | None) -> dict[str, int] | None:
    """What an earlier table says."""
    if previous is None:
        return None
    from orbscan.scanning.earlier import fingerprints

    return fingerprints(previous)


def _written(stream: _core.ArrowStream, path: str, previous: str | None) -> int:
    """Write the rows, and tell how many; the imports for most files take longer than for some."""
    if path.endswith(_JSON_LINES):
        from orbscan.scanning import json_lines

        return json_lines.write(stream, path, since=previous)
    from orbscan.scanning import tables

    return tables.write_table(stream, path, since=previous)


def _as_json(arguments: argparse.Namespace) -> _core.ArrowStream:
    """Write a document to stdout, as its rows come."""
    _, stream = _stream(arguments)
    for text in document(stream, {"table": arguments.table}, "rows", between=",\n"):
        sys.stdout.write(text)
    return stream
