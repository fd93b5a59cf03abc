"""The arguments with which a command finds its checkpoints."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError
from functools import partial

from orbscan.cli import stdin
from orbscan.cli.exits import NOT_FOUND, Refusal
from orbscan.cli.help import whole_number
from orbscan.cli.source import add_atomicity
from orbscan.places import url_scheme
from orbscan.scanning.api import MOST_THREADS, begun
from orbscan.scanning.roots import expanded
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from orbscan import _core

_LISTED = 5
_MOST = (1 << 64) - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ROOT and all options that select checkpoints below it to a command."""
    parser.add_argument(
        "roots",
        metavar="ROOT",
        nargs="+",
        help="a directory to search, a checkpoint, or a pattern in quotes; - reads paths from "
        "stdin, one on each line, or separated by NUL characters",
    )
    add_filters(parser)
    parser.add_argument(
        "--threads",
        metavar="N",
        type=partial(positive_number, most=MOST_THREADS),
        help="number of concurrent reads",
    )
    parser.add_argument(
        "--no-shardings",
        action="store_false",
        dest="shardings",
        help="leave out shardings, and do not read their file",
    )
    add_share(parser)


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options that select checkpoints, whose values `filters` returns, to a command."""
    parser.add_argument(
        "--steps",
        metavar="A:B",
        type=step_bounds,
        help="only steps from A to B, either of which may be left out; or one step",
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
        help="only checkpoints whose path from ROOT matches: * stays within a level, ** does not",
    )
    parser.add_argument(
        "--exclude",
        metavar="GLOB",
        action="append",
        default=[],
        help="leave out directories whose path from ROOT matches, and all below them; can be given "
        "several times",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--committed",
        action="store_true",
        default=None,
        help="only finished checkpoints",
    )
    which.add_argument(
        "--uncommitted",
        action="store_false",
        dest="committed",
        default=None,
        help="only unfinished checkpoints",
    )
    add_atomicity(parser)


def add_share(parser: argparse.ArgumentParser) -> None:
    """Add --shard to a command."""
    parser.add_argument(
        "--shard",
        metavar="I/N",
        type=share,
        help="only share I of N, counted from 0: one for each of N jobs",
    )


def filters(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options of `add_filters` as keywords of `scanning.api.begun`."""
    return {
        "steps": arguments.steps,
        "latest": arguments.latest,
        "pattern": arguments.match,
        "exclude": arguments.exclude,
        "committed": arguments.committed,
        "atomicity": arguments.atomicity,
    }


def has_filters(arguments: argparse.Namespace) -> bool:
    """Whether the options of `add_filters` exclude some checkpoints."""
    chosen = filters(arguments).items()
    return any(value not in (None, []) for name, value in chosen if name != "atomicity")


def begin(arguments: argparse.Namespace, **more: Any) -> _core.Scan:
    """Begin the scan of the arguments; `arguments.searched` then has the roots.

    Raises:
        SystemExit: a usage error; the usage was printed.
        Refusal: there are roots, and none of them exists.
    """
    try:
        roots = expanded(stdin.paths(arguments.roots))
        if roots and not any(map(_exists, roots)):
            message = _broken_link(roots[0]) if len(roots) == 1 else ""
            verb = "does" if len(roots) == 1 else "do"
            message = message or f"{_listed(roots)}: {verb} not exist"
            raise Refusal(message, NOT_FOUND)
        scan = begun(
            roots,
            threads=arguments.threads,
            shard=arguments.shard,
            shardings=arguments.shardings,
            **filters(arguments),
            **more,
        )
        arguments.searched = roots
    except ValueError as error:
        arguments.parser.error(printable(str(error)))
    return scan


def nothing_found(arguments: argparse.Namespace, *roots: str) -> Refusal:
    """Say that there are no checkpoints, or none that match the options."""
    options = {
        "--steps": arguments.steps is not None,
        "--match": arguments.match is not None,
        "--exclude": bool(arguments.exclude),
        "--committed": arguments.committed is True,
        "--uncommitted": arguments.committed is False,
    }
    given = [option for option, is_given in options.items() if is_given]
    message = f"no checkpoint below {_listed(list(roots) or arguments.roots)}"
    if given:
        message += f" matches {' and '.join(given)}"
    return Refusal(message, NOT_FOUND)


def _listed(roots: list[str]) -> str:
    more = f" and {len(roots) - _LISTED:,} more" if len(roots) > _LISTED else ""
    return ", ".join(map(printable, roots[:_LISTED])) + more


def _broken_link(path: str) -> str:
    """Say where a broken link leads; empty for any other path."""
    try:
        target = os.readlink(path)  # noqa: PTH115
    except OSError:
        return ""
    return f"{printable(path)}: is a broken link to {printable(target)}"


def _exists(path: str) -> bool:
    """Whether something is there; it may be, if it cannot be examined."""
    if url_scheme(path) is not None:
        return True
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True
    return True


def positive_number(text: str, most: int = _MOST) -> int:
    """Read the value of an option that is a number of at least one.

    Raises:
        ArgumentTypeError: it is not, or it is too large.
    """
    number = whole_number(text)
    if number < 1:
        message = f"{text!r} is less than 1"
        raise ArgumentTypeError(message)
    if number > most:
        message = f"{text} is more than {most:,}"
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
    if not index or not count:
        message = f"{text!r} is not a share I/N, such as 0/8 for the first of eight"
        raise ArgumentTypeError(message)
    shard = whole_number(index), positive_number(count)
    if shard[0] >= shard[1]:
        message = f"{text!r} is not one of 0/{count} to {shard[1] - 1}/{count}"
        raise ArgumentTypeError(message)
    return shard
