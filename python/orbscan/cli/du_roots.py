"""`orbscan du` of several checkpoints: the disk usage of each, and the totals."""

from __future__ import annotations

import sys

from orbscan.checking.usage_text import (
    COLUMNS,
    GIVES_OF_SEVERAL,
    RIGHT_OF_SEVERAL,
    cells,
    totals_of_several,
)
from orbscan.cli.destination import JSON
from orbscan.cli.exits import FINE, PARTIAL
from orbscan.cli.messages import told
from orbscan.errors import OutOfMemoryError
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import LABEL, labelled

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan.checking.amounts import CheckpointUsage
    from orbscan.cli import output
    from orbscan.errors import OrbscanError


def run(arguments: argparse.Namespace, roots: list[str], error: OrbscanError | None) -> int:
    """Measure all checkpoints below roots, and write the result to stdout.

    Args:
        arguments: the arguments of the command.
        roots: their paths.
        error: why the only root is not a checkpoint itself; raised if nothing lies below it.
    """
    from orbscan.checking.measuring import measured_below

    rows = [*measured_below(roots, atomicity=arguments.atomicity)]
    if error is not None and all(row.place == roots[0] for row in rows):
        raise error
    if arguments.sort == "size":
        rows.sort(key=lambda row: -row.total)
    with arguments.output.opened():
        if arguments.output.format == JSON:
            import json

            from orbscan.checking.document import usages_document

            sys.stdout.write(json.dumps(usages_document(rows), allow_nan=False) + "\n")
        else:
            from orbscan.cli import output

            output.write(table(rows, output.fitting(arguments)))
    errors = [row.error for row in rows if row.error is not None]
    for failure in errors:
        if isinstance(failure, OutOfMemoryError):
            # That is not a fault of the checkpoint, and does not concern the others.
            raise failure
    return PARTIAL if errors else FINE


def table(rows: list[CheckpointUsage], fitting: Fitting | None = None) -> list[output.Line]:
    """Show checkpoints: one line for each, and totals."""
    from orbscan.cli.output import tabular

    fitting = fitting or Fitting()
    shown = [
        tuple(COLUMNS),
        *(cells(row, "" if row.error is None else told(row.error)) for row in rows),
    ]
    fitted = fitting.rows(shown, right=RIGHT_OF_SEVERAL, gives=GIVES_OF_SEVERAL)
    lines = [*tabular(fitted, [*COLUMNS.values()])]
    lines += [[("faint", note)] for note in fitting.note()]
    lines.append([])
    return lines + [
        [("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(totals_of_several(rows))
    ]
