"""`orbscan report`: a report as one HTML file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbscan.cli import source
from orbscan.cli.destination import Destination, What
from orbscan.cli.exits import FINE, NOT_FOUND, PARTIAL, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter, whole_number
from orbscan.cli.signals import cleaning_up
from orbscan.errors import OrbscanError
from orbscan.reporting.inputs import is_table
from orbscan.showing.text import printable, size

if TYPE_CHECKING:
    import argparse

    from orbscan.aliases import View
    from orbscan.reporting.value import Report

_EXAMPLES = """\
examples:
  orbscan report checkpoints/1000 -o report.html
  orbscan report checkpoints/1000 --mesh data=4,model=8 --devices-per-host 8 --open
  orbscan report checkpoints --step latest --name params
  orbscan report runs -o runs.html             # steps over time, and a page of each
  orbscan report runs --level data             # and check every byte of each
  orbscan report checkpoints/1000 -o mesh.svg --view mesh
  orbscan report fleet.delta -o fleet.html     # the same of a catalogue, reading nothing again

The page is one file: it opens without a network, and can be mailed. A picture is
one view of it, for a slide or a README.

"""

_PAGE = "html"
_DEFAULT = "report.html"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "report",
        help="make an HTML page of a checkpoint, or of all checkpoints below directories",
        description="Make an HTML page: what takes the space, what is replicated, how each array "
        "is laid out on its mesh, whether anything is lost; for runs, their steps over time.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    source.add_several(
        parser,
        "show",
        "; or results of orbscan scan: tables (.parquet, .arrow) or a catalogue (.delta)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="WHAT",
        type=What((_PAGE, "svg"), (_PAGE, "svg", "png")),
        default=Destination(_PAGE, _DEFAULT),
        help=f"the file to write: a page (.html), or a picture of one view (.svg, .png); it "
        f"appears when it is complete; html and svg write to stdout (default: {_DEFAULT})",
    )
    parser.add_argument(
        "--view",
        choices=["treemap", "mesh", "steps"],
        help="what a picture shows: bytes by keypath, the largest array on its mesh, or the steps "
        "of a run (default: the treemap of a checkpoint, the steps of several)",
    )
    parser.add_argument("--open", action="store_true", help="show the page in a browser")
    parser.add_argument(
        "--mesh",
        metavar="AXES",
        help="also plan a restore over this mesh, data=4,model=8 (default: that of the checkpoint)",
    )
    parser.add_argument(
        "--devices-per-host",
        metavar="N",
        type=whole_number,
        help="each host has N consecutive devices (default: one host has all)",
    )
    parser.add_argument(
        "--level",
        choices=["none", "structure", "index", "data"],
        help="how deep to check, as for verify; of several checkpoints each (default: index for "
        "one, none for several)",
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the page, and write it; its path is printed to stderr."""
    output = arguments.output
    if arguments.open and output.path is None:
        arguments.parser.error("--open needs a file: -o report.html")
    if arguments.view is not None and output.format == _PAGE:
        arguments.parser.error("--view is for a picture: -o takes a file that ends in .svg or .png")
    paths = _paths(arguments)
    page = _made(arguments, paths)
    if not page.checkpoints:
        message = f"no checkpoint at or below {', '.join(map(printable, paths))}"
        raise Refusal(message, NOT_FOUND)
    try:
        _write(page, output, arguments.view)
    except (ImportError, ValueError) as error:
        raise Refusal(str(error), USAGE) from error
    if arguments.open:
        _show(output.path)
    return PARTIAL if page.incomplete else FINE


def _paths(arguments: argparse.Namespace) -> list[str]:
    """Return the input of the page: checkpoints, directories of them, or tables alone."""
    paths = source.several(arguments, "show")
    of_one = arguments.step is not None or arguments.name is not ... or arguments.uncommitted
    if len(paths) > 1 and of_one:
        arguments.parser.error("--step, --name, --flat and --uncommitted are for one checkpoint")
    tables = [*map(is_table, paths)]
    if any(tables) and (of_one or not all(tables)):
        message = "a report is made of tables alone: neither with paths, nor with --step or --name"
        arguments.parser.error(message)
    if any(tables) and arguments.level not in {None, "none"}:
        arguments.parser.error("--level is for checkpoints: tables are shown as they are")
    if len(paths) == 1 and not any(tables):
        paths = [source.step_path(arguments, paths[0])]
    return paths


def _write(page: Report, output: Destination, view: View | None) -> None:
    """Write the page or a picture of it.

    Raises:
        ImportError: the library that draws pictures is missing.
        ValueError: there is no such view of it.
        OSError: the file cannot be written.
    """
    if output.path is None:
        sys.stdout.write(page.html if output.format == _PAGE else page.svg(view))
        return
    with cleaning_up():
        page.save(output.path, view)
    written = size(Path(output.path).expanduser().stat().st_size)
    print(f"wrote {printable(output.path)}, {written}", file=sys.stderr)


def _made(arguments: argparse.Namespace, paths: list[str]) -> Report:
    """Make the page.

    Raises:
        Refusal: jinja2 is missing, or the mesh is not a mesh.
        OrbscanError: there is nothing that can be shown.
    """
    from orbscan.reporting.api import report

    shared: dict[str, Any] = {
        "mesh": arguments.mesh,
        "devices_per_host": arguments.devices_per_host,
    }
    if arguments.level is not None:
        shared["level"] = None if arguments.level == "none" else arguments.level
    try:
        if len(paths) > 1 or is_table(paths[0]):
            return report(paths, atomicity=arguments.atomicity, **shared)
        rules = source.rules(arguments)
        return report(paths[0], arguments.name, **rules, **shared)
    except OrbscanError:
        raise
    except (ImportError, ValueError) as error:
        raise Refusal(str(error), USAGE) from error


def _show(path: str) -> None:
    import webbrowser

    webbrowser.open(Path(path).resolve().as_uri())
