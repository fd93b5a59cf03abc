"""The common part of `orbscan latest` and `orbscan best`: they print the path of a step."""

from __future__ import annotations

import os
import sys

from orbscan.cli import source
from orbscan.cli.exits import FINE
from orbscan.reading.step_choice import step_directory

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse

    from orbscan.aliases import StepChoice


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ROOT and the options that determine which of its steps count."""
    parser.add_argument(
        "path", metavar="ROOT", help="the directory that holds the steps; - reads it from stdin"
    )
    source.add_atomicity(parser)
    source.add_prefix(parser)
    parser.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="end the path with a NUL character, not a newline, as for xargs -0",
    )
    parser.set_defaults(root_of_steps=True)


def write(arguments: argparse.Namespace, step: StepChoice) -> int:
    """Write the path of a step to stdout."""
    root = source.local_path(arguments, arguments.path)
    path = step_directory(root, step, prefix=arguments.prefix, atomicity=arguments.atomicity)
    sys.stdout.flush()
    # As the bytes of the file system, whatever the encoding of the terminal.
    sys.stdout.buffer.write(os.fsencode(path) + (b"\0" if arguments.null else b"\n"))
    return FINE
