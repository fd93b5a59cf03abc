"""`orbscan scan ROOT... -o CATALOGUE.delta`: makes a catalogue, or brings it up to date."""

from __future__ import annotations

import sys

from orbscan.cli import search, stdin
from orbscan.cli.exits import USAGE, Refusal
from orbscan.errors import OrbscanError
from orbscan.places import url_scheme
from orbscan.reading import paths
from orbscan.showing.text import counted, printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan.catalogue.api import CatalogueUpdate


def check(arguments: argparse.Namespace) -> None:
    """Refuse options that only apply to a file.

    Raises:
        SystemExit: a usage error; the usage was printed.
    """
    refused = {
        "--table": arguments.table is not None,
        "--since": arguments.since is not None,
        "--ordered": arguments.ordered,
    }
    for option, is_given in refused.items():
        if is_given:
            arguments.parser.error(
                f"{option} is for a file: a catalogue always has leaves and checkpoints, in order,"
                " and knows what it has"
            )


def updated(arguments: argparse.Namespace) -> CatalogueUpdate:
    """Bring the catalogue up to date, and say on stderr what was done.

    Raises:
        Refusal: it is not a catalogue, or not one of these roots; or a library is missing.
        OrbscanError: it cannot be read or written; it has not changed.
    """
    try:
        from orbscan.catalogue.api import Updating
        from orbscan.cli import progress

        updating = Updating(
            arguments.output.path,
            stdin.paths(arguments.roots),
            add_roots=arguments.add_roots,
            # The dialect of both is that of one library.
            storage_options=paths.DEFAULTS if url_scheme(arguments.output.path) else None,
            threads=arguments.threads,
            shard=arguments.shard,
            shardings=arguments.shardings,
            **_filters(arguments),
        )
        with progress.Line(updating.scan):
            done = updating.finish()
    except OrbscanError:
        raise
    except (ValueError, ImportError) as error:
        raise Refusal(printable(str(error)), USAGE) from error
    print(f"{printable(arguments.output.path)}: {shown(done)}", file=sys.stderr)
    return done


def _filters(arguments: argparse.Namespace) -> dict[str, object]:
    given = search.filters(arguments)
    return {**given, "match": given.pop("pattern")}


def shown(done: CatalogueUpdate) -> str:
    """Say what an update has done.

    >>> from orbscan.catalogue.api import CatalogueUpdate
    >>> shown(CatalogueUpdate(3, 10, 2, 4_988, 0))
    'version 3: 10 checkpoints new or changed, 2 gone, 4,988 unchanged'
    >>> shown(CatalogueUpdate(3, 0, 0, 1, 0))
    'version 3 is up to date: 1 checkpoint unchanged'
    """
    if not done.changed and not done.gone:
        unchanged = counted(done.unchanged, "checkpoint")
        return f"version {done.version} is up to date: {unchanged} unchanged"
    changed = counted(done.changed, "checkpoint")
    return (
        f"version {done.version}: {changed} new or changed, {done.gone:,} gone,"
        f" {done.unchanged:,} unchanged"
    )
