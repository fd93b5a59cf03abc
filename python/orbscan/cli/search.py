"""The arguments by which a command finds its checkpoints."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError

from orbscan.cli.help import whole_number
from orbscan.scanning import begun
from orbscan.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from orbscan import _core

_STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ROOT and what selects checkpoints below it to a command."""
    parser.add_argument(
        "roots",
        metavar="ROOT",
        nargs="+",
        help="a directory to search, a checkpoint, or a pattern in quotes; - reads paths from "
        "stdin, one on each line",
    )
    parser.add_argument(
        "--steps",
        metavar="A:B",
        type=step_bounds,
        help="only steps from A to B, either of which may be missing; or one step",
    )
    parser.add_argument(
        "--latest",
        metavar="N",
        type=positive_number,
        help="only the newest N steps of each directory",
    )
    parser.add_argument(
        "--match",
        metavar="GLOB",
        help="only checkpoints whose way from ROOT matches: * stays within a level, ** does not",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--committed",
        action="store_true",
        default=None,
        help="only those that a job would take for finished",
    )
    which.add_argument(
        "--uncommitted",
        action="store_false",
        dest="committed",
        default=None,
        help="only those that it would not",
    )
    parser.add_argument(
        "--atomicity",
        choices=["atomic_rename", "commit_file", "commit_file_or_atomic_rename"],
        help="what makes a checkpoint a finished one: a name that is not temporary, "
        "commit_success.txt, or either (default: atomic_rename)",
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=positive_number,
        help="read so many checkpoints side by side",
    )


def begin(arguments: argparse.Namespace, **more: Any) -> _core.Scan:
    """Begin the scan that the arguments describe.

    Raises:
        SystemExit: wrong use; the usage was printed.
    """
    roots: list[str] = []
    for root in arguments.roots:
        if root == _STDIN:
            roots += [line for line in sys.stdin.read().splitlines() if line]
        else:
            roots.append(root)
    try:
        scan = begun(
            roots,
            steps=arguments.steps,
            latest=arguments.latest,
            pattern=arguments.match,
            committed=arguments.committed,
            atomicity=arguments.atomicity,
            threads=arguments.threads,
            **{"since": None, "shard": None, **more},
        )
    except ValueError as error:
        arguments.parser.error(printable(str(error)))
    return scan


def positive_number(text: str) -> int:
    """Read the value of an option that is a number of at least one.

    Raises:
        ArgumentTypeError: it is not.
    """
    number = whole_number(text)
    if number < 1:
        message = f"{text!r} is less than 1"
        raise ArgumentTypeError(message)
    return number


def step_bounds(text: str) -> tuple[int | None, int | None]:
    """Read the value of `--steps`.

    Raises:
        ArgumentTypeError: it is neither a number nor two with a colon.

    >>> step_bounds("10:20"), step_bounds("10:"), step_bounds("7")
    ((10, 20), (10, None), (7, 7))
    """
    low, colon, high = text.partition(":")
    if not colon:
        return whole_number(low), whole_number(low)
    return (whole_number(low) if low else None, whole_number(high) if high else None)


def share(text: str) -> tuple[int, int]:
    """Read the value of `--shard`.

    Raises:
        ArgumentTypeError: it is not an index and a number of shares.

    >>> share("0/8")
    (0, 8)
    """
    index, _, count = text.partition("/")
    shard = whole_number(index), positive_number(count)
    if shard[0] >= shard[1]:
        message = f"{text!r} is not one of 0/{count} to {shard[1] - 1}/{count}"
        raise ArgumentTypeError(message)
    return shard
