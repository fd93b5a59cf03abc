"""`orbscan diff`: where two checkpoints differ, as a report or as JSON."""

from __future__ import annotations

import argparse
import sys
from contextlib import contextmanager

from orbscan.cli import source
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINDINGS, FINE, NOT_FOUND, PARTIAL, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter
from orbscan.cli.messages import path_of_step, told
from orbscan.cli.selection import add_param, chosen
from orbscan.differing.aspects import ASPECTS, left_out
from orbscan.errors import OrbscanError
from orbscan.showing.text import counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orbscan.aliases import Name
    from orbscan.cli.selection import Selection
    from orbscan.comparing.values import Values
    from orbscan.differing.amount import Progress
    from orbscan.differing.diff import Diff
    from orbscan.differing.side import Side

_EXAMPLES = """\
examples:
  orbscan diff runs/1/checkpoints/1000 runs/2/checkpoints/1000
  orbscan diff runs/base runs/base --step 1000 --other-step 1200
  orbscan diff old new --name params --other-name ema_params
  orbscan diff old new --ignore sharding --ignore dtype
  orbscan diff old new --strict
  orbscan diff old new --param 'params/**/kernel'
  orbscan diff runs/base runs/base --step 1000 --other-step 1200 --values
  orbscan diff old new --report diff.html
  orbscan diff old new -o json | jq -r '.changed[] | .keypath | join("/")'

The exit code is 1 if they differ, and 5 if they are not known to differ but a
part of them cannot be read, or with --values cannot be compared.

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "diff",
        help="show where two checkpoints differ",
        description="Show the checkpointables and leaves that only one of two checkpoints has, and "
        "how those that both have differ: kind, shape, element type, sharding; with --values also "
        "their values.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    source.add_path(parser)
    parser.add_argument("other", metavar="OTHER", help="the checkpoint to compare it with")
    source.add_step(parser)
    parser.add_argument(
        "--other-step",
        metavar="STEP",
        type=source.step_choice,
        help="OTHER is a directory of steps: read this step of it (default: the one of --step)",
    )
    source.add_name(
        parser,
        "compare this checkpointable alone (default: all of them, by name)",
        "compare the pytree alone that lies in PATH itself, without a name",
    )
    source.add_name(
        parser,
        "the checkpointable of OTHER (default: the one of --name or --flat)",
        "the pytree in OTHER itself",
        side="other-",
    )
    source.add_commit_rules(parser)
    parser.add_argument(
        "--ignore",
        metavar="WHAT",
        action="append",
        choices=ASPECTS,
        help=f"ignore this as well as devices and storage: {', '.join(ASPECTS)}; can be given "
        "several times",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="also report different device ids, and different ways to store arrays",
    )
    parser.add_argument(
        "--values",
        action="store_true",
        help="also compare values: say how many elements differ, and by how much; arrays that are "
        "stored in the same bytes are not decoded",
    )
    parser.add_argument(
        "--rich-types",
        action="store_true",
        help="distinguish tuples and namedtuples from lists and dicts, if both are recorded",
    )
    parser.add_argument(
        "--all", action="store_true", help="show every leaf on a separate line, however many"
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="also write a page that shows both side by side, to a file that ends in .html",
    )
    add_param(parser, "compare")
    add_output(parser, "a report")
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Read both checkpoints, and write their differences to stdout; with JSON, warn on stderr."""
    as_json = arguments.output.format == JSON
    if as_json and arguments.all:
        arguments.parser.error("--all is for the table, not for JSON")
    if arguments.report is not None and not arguments.report.endswith(".html"):
        arguments.parser.error("--report takes a file that ends in .html")
    from orbscan.differing.difference import difference

    sides = _sides(arguments)
    ignore = left_out(arguments.ignore or (), strict=arguments.strict)
    wanted = None if arguments.param is None else _selected(arguments.param, sides)
    with _comparer(arguments, sides) as values:
        diff = difference(
            *sides, ignore=ignore, rich_types=arguments.rich_types, values=values, wanted=wanted
        )
    with arguments.output.opened():
        _write(arguments, diff)
    if as_json:
        for side in sides:
            source.warn(side.issues)
    if arguments.report is not None:
        _write_page(diff, arguments.report)
    if diff.undecided:
        return PARTIAL
    return FINE if diff.same else FINDINGS


def _write_page(diff: Diff, file: str) -> None:
    """Write the page of both sides; its path is printed to stderr.

    Raises:
        Refusal: a library that it needs is not installed.
    """
    from orbscan.reporting.api import report

    try:
        page = report(diff)
    except ImportError as error:
        message = f"--report: {error}"
        raise Refusal(message, USAGE) from error
    page.save(file)
    print(f"wrote {printable(file)}, {size(page.nbytes)}", file=sys.stderr)


def _selected(pattern: str, sides: list[Side]) -> Selection:
    """Select the leaves to compare, of both sides.

    Raises:
        Refusal: no leaf matches.
    """
    from orbscan.differing.walk import leaves_below

    leaves = {
        leaf[:2]: None
        for side in sides
        for item in side.items
        if item.outline is not None
        for leaf in leaves_below(item.outline, [((), 0)], item.name)
    }
    return chosen(pattern, [*leaves])


def _write(arguments: argparse.Namespace, diff: Diff) -> None:
    if arguments.output.format == JSON:
        import json

        sys.stdout.write(json.dumps(diff.to_dict(), allow_nan=False) + "\n")
        return
    from orbscan.cli import output
    from orbscan.differing.text import SHOWN, report

    # The faults that were tolerated are among its notes.
    lines = report(diff, None if arguments.all else SHOWN, output.fitting(arguments))
    output.write(output.differences(lines))


@contextmanager
def _comparer(arguments: argparse.Namespace, sides: list[Side]) -> Iterator[Values | None]:
    """Make the comparer of values, if wanted, and show its progress on a terminal.

    Raises:
        Refusal: a library that it needs is not installed.
    """
    if not arguments.values:
        yield None
        return
    from orbscan.cli.progress import Told
    from orbscan.comparing.values import Values

    with Told() as told:

        def tell(progress: Progress) -> None:
            leaves = counted(progress.leaves, "leaf", "leaves")
            told.tell(f"compared {leaves}, {size(progress.nbytes)}")

        try:
            values = Values(*sides, atomicity=arguments.atomicity, progress=tell)
        except ImportError as error:
            message = f"--values: {error}"
            raise Refusal(message, USAGE) from error
        yield values


def _sides(arguments: argparse.Namespace) -> list[Side]:
    from orbscan.comparing.api import names_of_sides, side_of_path

    step, other_step = arguments.step, arguments.other_step
    steps = (step, step if other_step is None else other_step)
    names: tuple[Name, Name] = names_of_sides(arguments.name, arguments.other_name)
    paths = [source.local_path(arguments, path) for path in (arguments.path, arguments.other)]
    for name in names:
        source.check_name(arguments, name)
    sides = []
    for prefix, path, its_step, name in zip(("", "other-"), paths, steps, names, strict=True):
        this = argparse.Namespace(**{**vars(arguments), "step": its_step})
        read = source.step_path(this, path)
        rules = source.rules(arguments)
        try:
            side = side_of_path(read, name, rich_types=arguments.rich_types, **rules)
        except OrbscanError as error:
            if error.advice is None:
                raise
            message = told(error, arguments, prefix)
            if error.advice[0] == "step" and not prefix and other_step is None:
                # A step of the first side would also apply to the second.
                message = path_of_step(error)
            elif (
                error.advice[0] == "name"
                and not prefix
                and name is not ...
                and arguments.other_name is ...
            ):
                # Another name of the first side must not change that of the second.
                from shlex import quote

                message += " --other-flat" if name is None else f" --other-name {quote(name)}"
            raise Refusal(message, NOT_FOUND) from error
        sides.append(side)
    return sides
