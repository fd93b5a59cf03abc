"""`orbscan catalogue`: the contents of a catalogue and its versions; deletes old versions.

`orbscan scan -o NAME.delta` makes one, and brings it up to date.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError

from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINE, NOT_FOUND, USAGE, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter, whole_number
from orbscan.errors import OrbscanError
from orbscan.places import url_scheme
from orbscan.reading import paths
from orbscan.showing.fitting import Fitting
from orbscan.showing.text import LABEL, counted, labelled, moment, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan.catalogue.opened import Catalogue, CatalogueContents, CatalogueVersion
    from orbscan.cli import output

_EXAMPLES = """\
examples:
  orbscan catalogue fleet.delta
  orbscan catalogue fleet.delta --version 3
  orbscan catalogue fleet.delta --vacuum --older-than 30d
  orbscan catalogue s3://bucket/fleet.delta -o json | jq .contents.checkpoints

"""

_COLUMNS = {"VERSION": "", "COMMITTED": ""}
_RIGHT = {0}
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_DIGITS = 6
_OLDER_THAN = "7d"
SCHEMA_VERSION = 1
"""Of the JSON documents of catalogues."""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "catalogue",
        help="show the contents of a catalogue, or clean it up",
        description="Show the roots of a catalogue, how much is in it, and its versions. "
        "orbscan scan ROOT... -o NAME.delta creates or updates one.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument("target", metavar="CATALOGUE", help="the directory of the catalogue")
    parser.add_argument(
        "--version",
        metavar="N",
        type=whole_number,
        help="show an older state, by its number (default: the newest)",
    )
    parser.add_argument(
        "--vacuum",
        action="store_true",
        help="delete the files that only older versions need; these can no longer be read then",
    )
    parser.add_argument(
        "--older-than",
        metavar="AGE",
        type=_age,
        help="with --vacuum: only files that have been out of use for so long, such as 30d or 12h "
        f"(default: {_OLDER_THAN})",
    )
    add_output(parser)
    parser.set_defaults(run=run, parser=parser)


def _age(text: str) -> float:
    """Read an age, in days.

    Raises:
        ArgumentTypeError: it is not one.

    >>> _age("30d"), _age("12h")
    (30.0, 0.5)
    """
    number, unit = text[:-1], text[-1:]
    if unit in _HOURS and number.isascii() and number.isdigit() and len(number) <= _DIGITS:
        return int(number) * _HOURS[unit] / 24
    message = f"{text!r} is not an age such as 30d, 12h or 2w"
    raise ArgumentTypeError(message)


def run(arguments: argparse.Namespace) -> int:
    """Open the catalogue; clean it up, or write its contents to stdout."""
    if arguments.older_than is not None and not arguments.vacuum:
        arguments.parser.error("--older-than goes with --vacuum")
    if arguments.vacuum and (arguments.version is not None or arguments.output.format == JSON):
        arguments.parser.error("--vacuum takes neither --version nor -o")
    try:
        catalogue = _opened(arguments)
        if arguments.vacuum:
            return _vacuum(catalogue, arguments)
        contents, versions = catalogue.contents(), catalogue.versions()
    except OrbscanError:
        raise
    except ImportError as error:
        raise Refusal(str(error), USAGE) from error
    except ValueError as error:
        # It is something else, or has no such version.
        raise Refusal(str(error), NOT_FOUND) from error
    with arguments.output.opened():
        if arguments.output.format == JSON:
            import json

            sys.stdout.write(json.dumps(document(catalogue, contents, versions)) + "\n")
        else:
            from orbscan.cli import output

            output.write(table(catalogue, contents, versions, output.fitting(arguments)))
    return FINE


def _opened(arguments: argparse.Namespace) -> Catalogue:
    from orbscan.catalogue.api import open_catalogue

    # The dialect of both is that of one library.
    options = paths.DEFAULTS if url_scheme(arguments.target) else None
    return open_catalogue(arguments.target, version=arguments.version, storage_options=options)


def _vacuum(catalogue: Catalogue, arguments: argparse.Namespace) -> int:
    """Clean up, and say on stderr what was done."""
    given = arguments.older_than
    days = _age(_OLDER_THAN) if given is None else given
    deleted = counted(len(catalogue.vacuum(days=days)), "file")
    print(f"{printable(arguments.target)}: {deleted} deleted", file=sys.stderr)
    return FINE


def table(
    catalogue: Catalogue,
    contents: CatalogueContents,
    versions: list[CatalogueVersion],
    fitting: Fitting | None = None,
) -> list[output.Line]:
    """Show a catalogue as text: its contents, and a line for each version."""
    from orbscan.cli.output import tabular

    fitting = fitting or Fitting()
    roots = catalogue.roots
    checkpoints = counted(contents.checkpoints, "checkpoint")
    leaves = counted(contents.leaves, "leaf", "leaves")
    files = counted(contents.files, "file")
    head = [
        ("catalogue", printable(catalogue.target)),
        ("version", str(catalogue.version)),
        *((("roots" if at == 0 else ""), printable(root)) for at, root in enumerate(roots)),
        ("holds", f"{checkpoints}, {contents.complete:,} of them complete; {leaves}"),
        ("size", f"{size(contents.nbytes)} in {files}"),
    ]
    cells = [tuple(_COLUMNS), *((str(one.version), _moment(one)) for one in versions)]
    fitted = fitting.rows(cells, right=_RIGHT, gives=())
    return [
        *([("label", line[:LABEL]), ("", line[LABEL:])] for line in labelled(head)),
        [],
        *tabular(fitted, [*_COLUMNS.values()]),
    ]


def _moment(version: CatalogueVersion) -> str:
    return moment(_nsecs(version))


def _nsecs(version: CatalogueVersion) -> int:
    # Delta tables know milliseconds.
    return round(version.moment.timestamp() * 1_000) * 1_000_000


def document(
    catalogue: Catalogue, contents: CatalogueContents, versions: list[CatalogueVersion]
) -> dict[str, object]:
    """Compose the JSON document of a catalogue, whose members are stable."""
    return {
        "schema_version": SCHEMA_VERSION,
        "path": catalogue.target,
        "version": catalogue.version,
        "roots": [*catalogue.roots],
        "contents": contents._asdict(),
        "versions": [
            {"version": one.version, "commit_timestamp_nsecs": _nsecs(one)} for one in versions
        ],
    }
