"""`orbscan steps`: what a manager root holds, as a table or as JSON."""

from __future__ import annotations

import sys

from orbscan import metric
from orbscan.cli import source
from orbscan.cli.exits import FINE, PARTIAL
from orbscan.cli.help import EXIT_CODES, add_output, help_formatter
from orbscan.errors import located
from orbscan.step_choice import ATOMICITIES, read_steps
from orbscan.text import NSECS_PER_SEC, counted, moment, padded, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from orbscan import _core
    from orbscan.cli import output
    from orbscan.errors import OrbscanError

SCHEMA_VERSION = 1

_EXAMPLES = """\
examples:
  orbscan steps checkpoints
  orbscan steps checkpoints -o json | jq '.steps[] | select(.committed | not) | .path'
  orbscan show checkpoints --step best:loss:min

The exit code is 5 if a part of some step could not be read.

"""

_COLUMNS = {
    "STEP": "",
    "NAME": "",
    "STATE": "type",
    "COMMITTED": "",
    "TOOK": "",
    "METRICS": "sharding",
    "NOTE": "fault",
}
_RIGHT = {0, 4}
_METRICS_WIDTH = 200


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "steps",
        help="show the steps of a manager root",
        description="Show the steps that a directory holds: which are committed, when they were "
        "saved, their metrics. Reads no tree.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument(
        "path", metavar="ROOT", help="the directory that holds the steps; - reads it from stdin"
    )
    parser.add_argument(
        "--atomicity",
        choices=ATOMICITIES,
        default="auto",
        help="what makes a step count as committed: a name that is not temporary, "
        "commit_success.txt, or either; auto: atomic_rename (default: auto)",
    )
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the steps, and write the answer to stdout."""
    root = source.local_path(arguments, arguments.path)
    rows = read_steps(root, atomicity=arguments.atomicity)
    if arguments.output == "json":
        sys.stdout.write(document(root, rows))
    else:
        from orbscan.cli import output

        output.write(table(root, rows))
    return FINE if all(error is None for *_, error in rows) else PARTIAL


def table(root: str, rows: list[_core.Step]) -> list[output.Line]:
    """Show steps as text: a line for each, and how many there are."""
    cells = [tuple(_COLUMNS), *map(_cells, rows)]
    roles = [*_COLUMNS.values()]
    lines: list[output.Line] = [[("label", "root       "), ("", printable(root))], []]
    for row in padded(cells, right=_RIGHT) if rows else ():
        pieces: output.Line = []
        for at, text in row:
            pieces += [("", "  ")] if pieces else []
            pieces.append((roles[at] if len(lines) > 2 else "heading", text))  # noqa: PLR2004
        lines.append(pieces)
    if rows:
        lines.append([])
    finished = sum(committed for _, _, committed, *_ in rows)
    total = f"{counted(len(rows), 'step')}, {finished:,} committed"
    return [*lines, [("label", "total      "), ("", total)]]


def document(root: str, rows: list[_core.Step]) -> str:
    """Compose a JSON document of steps: one line of ASCII text."""
    import json
    import os

    from orbscan.cli.document import ISSUE, decoded

    steps = [
        {
            "step": number,
            "name": name,
            "path": os.path.join(root, name),  # noqa: PTH118 - as in orbscan.step_choice
            "committed": committed,
            "leftover": leftover,
            "commit_reason": reason,
            "init_timestamp_nsecs": begun,
            "commit_timestamp_nsecs": ended,
            "metrics": None if metrics is None else decoded(metrics),
            "custom_metadata": decoded(custom),
            "issues": [dict(zip(ISSUE, issue, strict=True)) for issue in issues],
            "error": None if error is None else {fact: getattr(error, fact) for fact in ISSUE},
        }
        for (
            name,
            number,
            committed,
            leftover,
            reason,
            begun,
            ended,
            custom,
            metrics,
            issues,
            error,
        ) in rows
    ]
    whole = {"schema_version": SCHEMA_VERSION, "path": root, "steps": steps}
    return json.dumps(whole, allow_nan=False) + "\n"


def _cells(row: _core.Step) -> tuple[str, ...]:
    name, number, committed, _, reason, begun, ended, _, metrics, issues, error = row
    notes = [*([] if committed else [reason]), *_faults(error, issues)]
    return (
        str(number),
        "" if name == str(number) else printable(name),
        "committed" if committed else "uncommitted",
        "" if ended is None else moment(ended),
        "" if begun is None or ended is None else f"{(ended - begun) / NSECS_PER_SEC:.3f} s",
        "" if metrics is None else printable(metric.shown(metrics, _METRICS_WIDTH)),
        "; ".join(notes),
    )


def _faults(error: OrbscanError | None, issues: tuple[_core.Issue, ...]) -> Iterator[str]:
    if error is not None:
        yield printable(str(error))
    for _, file, offset, in_body, reason in issues:
        yield printable(located(reason, file, offset, in_body=in_body))
