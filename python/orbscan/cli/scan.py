"""`orbscan scan`: many checkpoints into a table, as a file or on stdout."""

from __future__ import annotations

import os
import sys

from orbscan.cli import search
from orbscan.cli.exits import FINE, PARTIAL, USAGE, Refusal, cleaning_up
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.cli import json_lines
    from orbscan.cli.rows import Row

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
_JSON_LINES = ".jsonl"
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
        if ending in _BY_PYARROW:
            tally = _by_pyarrow(arguments)
        elif ending == _JSON_LINES:
            tally = _as_json_lines(arguments)
        else:
            tally = _as_json(arguments)
    if ending != _JSON:
        rows = f"{counted(tally.rows, 'row')} of {counted(tally.checkpoints, 'checkpoint')}"
        # The work is done, whether or not anybody looks.
        print(f"wrote {rows} to {printable(arguments.output)}", file=sys.stderr)
    if tally.lacking is not None:
        raise tally.lacking
    if tally.failed:
        of = counted(tally.checkpoints, "checkpoint")
        message = f"{tally.failed:,} of {of} could not be read completely: see the column complete"
        raise Refusal(message, PARTIAL)
    if not tally.checkpoints and arguments.shard is None:
        raise search.nothing_found(arguments)
    return FINE


def _ending(arguments: argparse.Namespace) -> str:
    output = arguments.output
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


def _begin(arguments: argparse.Namespace, since: dict[str, int] | None = None) -> _core.Scan:
    return search.begin(arguments, ordered=arguments.ordered, since=since)


def _by_pyarrow(arguments: argparse.Namespace) -> json_lines.Tally:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        message = f"{arguments.output} needs pyarrow: pip install 'orbscan[tables]'"
        raise Refusal(message, USAGE)
    from orbscan.cli import json_lines, progress
    from orbscan.scanning import tables
    from orbscan.scanning.earlier import fingerprints
    from orbscan.scanning.running import Scan

    previous = arguments.since
    try:
        scan = _begin(arguments, None if previous is None else fingerprints(previous))
        whole = Scan(scan)
        stream = whole.leaves() if arguments.table == "leaves" else whole.checkpoints()
        with progress.Line(scan):
            rows = tables.write_table(stream, arguments.output, since=previous)
    except ValueError as error:
        if previous is None:
            raise
        message = f"{previous}: {error}"
        raise Refusal(message, USAGE) from error
    seen, incomplete = stream.checkpoints_seen, stream.checkpoints_incomplete
    return json_lines.Tally(seen, incomplete, rows, stream.lacking)


def _as_json(arguments: argparse.Namespace) -> json_lines.Tally:
    """Write a document to stdout, row by row."""
    import json

    from orbscan.cli import json_lines
    from orbscan.scanning.rows import SCHEMA_VERSION

    tally = json_lines.Tally()
    scan = _begin(arguments)
    head = json.dumps({"schema_version": SCHEMA_VERSION, "table": arguments.table})
    rows = json_lines.rows(arguments.table, tally.counting(scan))
    sys.stdout.writelines(_document(f'{head[:-1]}, "rows": [', rows))
    return tally


def _document(head: str, rows: Iterable[Row]) -> Iterator[str]:
    """Compose a document that begins with `head`.

    What fails before the first row leaves nothing behind, and what fails after it a document that
    says so: its member `error`.
    """
    import json

    separator = f"{head}\n"
    try:
        for row in rows:
            yield separator + json.dumps(row)
            separator = ",\n"
    except (Exception, KeyboardInterrupt) as error:
        if separator == ",\n":
            reason = str(error) or type(error).__name__
            yield f'\n], "error": {json.dumps(reason)}}}\n'
        raise
    yield "\n]}\n" if separator == ",\n" else f"{head}\n]}}\n"


def _as_json_lines(arguments: argparse.Namespace) -> json_lines.Tally:
    """Write a file, row by row."""
    from orbscan.cli import json_lines, progress
    from orbscan.scanning.since import taken_over

    previous = arguments.since
    since = None
    if previous is not None:
        since = taken_over(json_lines.found(previous, arguments.table), leaves=True)
    scan = _begin(arguments, since)
    try:
        with progress.Line(scan):
            return json_lines.write(arguments.output, arguments.table, scan, previous=previous)
    finally:
        scan.close()
