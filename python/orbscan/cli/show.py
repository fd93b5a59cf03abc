"""`orbscan show`: the leaves of one checkpoint, as a table or as JSON."""

from __future__ import annotations

import sys

from orbscan.cli import source
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINE
from orbscan.cli.help import EXIT_CODES, add_sort, help_formatter, whole_number
from orbscan.cli.selection import add_param, chosen
from orbscan.errors import InvalidLayoutError
from orbscan.reading import api

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan import _core

_EXAMPLES = """\
examples:
  orbscan show checkpoints/1000
  orbscan show checkpoints/1000 --name params --depth 2
  orbscan show checkpoints/1000 --name config           # a JSON item: its document
  orbscan show checkpoints/1000 --sort size | head -20
  orbscan show checkpoints/1000 --param 'params/**/kernel'
  orbscan show checkpoints/1000 -o json | jq '.leaves[] | select(.dtype == "float32") | .keypath'

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "show",
        help="show the leaves of a checkpoint",
        description="Show the leaves of the pytree in a checkpoint: type, sharding, size.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    source.add_arguments(parser)
    parser.add_argument(
        "--recover",
        action="store_true",
        help="list the arrays in the store of a checkpoint that lost its _METADATA: their names, "
        "shapes and types, without structure",
    )
    add_param(parser, "show and count")
    parser.add_argument(
        "--depth",
        metavar="N",
        type=whole_number,
        help="show each subtree below a keypath of N entries as one line",
    )
    parser.add_argument(
        "--fold",
        choices=["auto", "always", "never"],
        help="show siblings that differ in a number only as one line, layers[0..31]; auto: if "
        "there are more than 100 leaves (default: auto)",
    )
    add_sort(parser, "the order of the tree")
    parser.add_argument(
        "--pager", action="store_true", help="on a terminal, show the table in $PAGER"
    )
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read the checkpoint, and write the answer to stdout; with JSON, also warnings to stderr."""
    as_json = arguments.output.format == JSON
    if as_json and (arguments.depth is not None or arguments.fold or arguments.pager):
        arguments.parser.error("--depth, --fold and --pager are for the table, not for JSON")
    try:
        path, checkpoint = source.read(arguments)
    except InvalidLayoutError as error:
        if error.kind == "no_such_checkpointable" and _show_json(arguments):
            return FINE
        raise
    others = api.others(path, checkpoint)
    selected = None
    if arguments.param is not None:
        selected = _selected(checkpoint, arguments.param)
    with arguments.output.opened():
        if as_json:
            from orbscan.reading.items import described
            from orbscan.reading.pytree_document import render as document

            known = [(checkpoint.items[0][0], True), *others]
            items = described(path, checkpoint.handlers, known)
            pieces = document(
                path, checkpoint, items, others, selected=selected, sort=arguments.sort
            )
            sys.stdout.writelines(pieces)
        else:
            from orbscan.cli import output, render

            fold, depth, sort = arguments.fold or "auto", arguments.depth, arguments.sort
            view = render.View(selected, fold=fold, depth=depth, sort=sort)
            lines = render.table(path, checkpoint, others, view, output.fitting(arguments))
            # The table ends with the faults that were tolerated.
            output.write(lines, paged=arguments.pager)
    if as_json:
        source.warn(checkpoint.issues)
    return FINE


def _show_json(arguments: argparse.Namespace) -> bool:
    """Show the selected checkpointable if it is JSON; returns whether it is.

    Raises:
        SystemExit: a usage error; the usage was printed.
        OrbscanError: the document cannot be read.
    """
    # A path from stdin cannot be read again.
    if not isinstance(arguments.name, str) or arguments.path == "-" or arguments.recover:
        return False
    from orbscan import _core
    from orbscan.cli import output, render
    from orbscan.model.item import JSON as JSON_ITEM
    from orbscan.reading.items import Found
    from orbscan.reading.pytree_document import render_item

    path = source.step_path(arguments, source.local_path(arguments, arguments.path))
    try:
        read = _core.read_header(path, arguments.name, **source.rules(arguments))
    except InvalidLayoutError:
        # The error of the first read says what to pass instead.
        return False
    items = Found(path, read.handlers).items()
    item = next((item for item in items if item.name == arguments.name), None)
    if item is None or item.kind != JSON_ITEM or item.file is None:
        return False
    if arguments.param is not None or arguments.depth is not None or arguments.sort:
        arguments.parser.error("--param, --depth and --sort are for pytrees, but this is JSON")
    with arguments.output.opened():
        if arguments.output.format == JSON:
            sys.stdout.write(render_item(path, read, item))
        else:
            output.write(render.json_item(path, read, item, items), paged=arguments.pager)
    return True


def _selected(checkpoint: _core.Checkpoint, pattern: str) -> set[int]:
    """The nodes of the leaves that match.

    Raises:
        Refusal: there are none.
    """
    from orbscan.reading.facts import leaves

    name, tree = checkpoint.items[0]
    found = [] if tree is None else [(entries, node) for entries, node, _ in leaves(tree)]
    selection = chosen(pattern, [(name, entries) for entries, _ in found])
    return {found[place][1] for place in selection.places}
