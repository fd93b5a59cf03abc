"""`orbscan du`: the disk usage of a checkpoint, by leaf, element type and file."""

from __future__ import annotations

import sys

from orbscan.checking.usage_text import (
    GIVES,
    OF_FILES,
    OF_LEAVES,
    RIGHT,
    LeafRows,
    View,
    file_rows,
    sorted_by,
    totals,
)
from orbscan.cli import source
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINE, PARTIAL
from orbscan.cli.help import EXIT_CODES, add_sort, help_formatter, whole_number
from orbscan.cli.selection import add_param, chosen
from orbscan.errors import InvalidLayoutError
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import LABEL, labelled

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.checking.usage import Usage
    from orbscan.cli import output

_EXAMPLES = """\
examples:
  orbscan du checkpoints/1000
  orbscan du checkpoints/1000 --depth 1
  orbscan du checkpoints/1000 --files
  orbscan du checkpoints/1000 --sort size | head -20
  orbscan du checkpoints/1000 --name params
  orbscan du checkpoints/1000 --param '**/kernel'
  orbscan du checkpoints/1000 -o json | jq '.totals'
  orbscan du runs --sort size                     # all checkpoints below, and their sum

STORED is the bytes of chunks, from the index of the store; MEMORY is what they
take in memory, and RATIO is MEMORY divided by STORED. UNUSED is what nothing of
the newest version refers to. The lines from "data" to "other" add up to "on
disk"; short chunks lie in the index, so "data" can be less than "chunks".

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "du",
        help="show the disk usage of a checkpoint, or of all checkpoints below directories",
        description="Show the disk usage of a checkpoint, by leaf, element type and file; for "
        "several checkpoints, or directories of them, the usage of each and the totals.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    source.add_several(parser, "measure")
    parser.add_argument(
        "--depth",
        metavar="N",
        type=whole_number,
        help="show each subtree below a keypath of N entries as one line (default: 2, if there "
        "are more than 100 leaves)",
    )
    parser.add_argument(
        "--files",
        action="store_true",
        help="show every file, not only the largest, including each file with a single chunk",
    )
    add_param(parser, "show and count")
    add_sort(parser, "leaves in the order of the trees, files by size")
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure the checkpoint, and write the answer to stdout and warnings to stderr."""
    if arguments.output.format == JSON and (arguments.depth is not None or arguments.files):
        arguments.parser.error("--depth and --files are for the table, not for JSON")
    if arguments.files and arguments.param is not None:
        arguments.parser.error("--files shows all files, but --param is about leaves")
    paths = source.several(arguments, "measure")
    if len(paths) == 1:
        # Errors from here on are not usage errors.
        path = source.step_path(arguments, paths[0])
        from orbscan.checking.measuring import measured

        try:
            usage, issues = measured(path, arguments.name, **source.rules(arguments))
        except InvalidLayoutError as error:
            is_root = error.kind == "unknown_layout" and not _of_one(arguments)
            if not is_root:
                raise
            from orbscan.cli import du_roots

            return du_roots.run(arguments, paths, error)
        return _write(arguments, usage, issues)
    if given := _of_one(arguments):
        arguments.parser.error(f"{given} is for one checkpoint")
    from orbscan.cli import du_roots

    return du_roots.run(arguments, paths, None)


def _of_one(arguments: argparse.Namespace) -> str:
    """An option that is given but applies only to a single checkpoint."""
    options = {
        "--step": arguments.step is not None,
        "--name or --flat": arguments.name is not ...,
        "--depth": arguments.depth is not None,
        "--files": arguments.files,
        "--param": arguments.param is not None,
    }
    return next((option for option, is_given in options.items() if is_given), "")


def _write(arguments: argparse.Namespace, usage: Usage, issues: list[_core.Issue]) -> int:
    param = arguments.param
    if param is not None:
        usage = _of_leaves(usage, param)
    with arguments.output.opened():
        if arguments.output.format == JSON:
            from orbscan.checking.document import usage_without_leaves
            from orbscan.showing.documents import issue_documents, streamed

            shown = sorted_by(usage, arguments.sort)
            document = {**usage_without_leaves(shown, param), "issues": issue_documents(issues)}
            rows = (leaf._asdict() for leaf in shown.leaves)
            sys.stdout.writelines(streamed(document, "leaves", rows))
        else:
            from orbscan.cli import output

            view = View(arguments.depth, all_files=arguments.files, sort=arguments.sort)
            output.write(table(usage, view, output.fitting(arguments), param))
    source.warn(issues)
    unknown = any(file.role == "unknown" or file.unknown_bytes for file in usage.files)
    return PARTIAL if unknown else FINE


def _of_leaves(usage: Usage, pattern: str) -> Usage:
    """Keep only the leaves that match.

    Raises:
        Refusal: there is none.
    """
    from dataclasses import replace

    leaves = tuple(usage.leaves)
    places = [(leaf.checkpointable, leaf.keypath) for leaf in leaves]
    found = sorted(chosen(pattern, places, named=True).places)
    return replace(usage, leaves=tuple(leaves[place] for place in found), files=(), strays=0)


def table(
    usage: Usage, view: View, fitting: Fitting | None = None, param: str | None = None
) -> Iterator[output.Line]:
    """Show a usage: leaves or subtrees, element types, files, totals.

    `param` is the pattern of the leaves that it has, if it has no others.
    """
    fitting = fitting or Fitting()
    blocks: list[Iterable[output.Line]] = [
        _table(OF_LEAVES, LeafRows(usage, view), fitting),
        _table(OF_FILES, [*file_rows(usage, view)], fitting),
        [[("faint", note)] for note in fitting.note()],
        _labelled(totals(usage, param)),
    ]
    for number, block in enumerate(filter(None, blocks)):
        if number:
            yield []
        yield from block


class _Headed:
    """Rows below a heading."""

    def __init__(self, heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        self._heading = heading
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        yield self._heading
        yield from self._rows


def _table(
    heading: tuple[str, ...], rows: Iterable[tuple[str, ...]], fitting: Fitting
) -> Iterable[output.Line]:
    from orbscan.cli.output import tabular

    if not rows:
        return []
    cells = fitting.rows(_Headed(heading, rows), right=RIGHT, gives=GIVES)
    return tabular(cells, [""] * len(heading))


def _labelled(pairs: Iterator[tuple[str, str]]) -> list[output.Line]:
    return [[("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(pairs)]
