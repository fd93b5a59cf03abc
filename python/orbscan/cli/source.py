"""The arguments with which a command finds its pytree, and reading it."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError

from orbscan.cli import stdin
from orbscan.cli.exits import NOT_FOUND, Refusal
from orbscan.cli.help import whole_number
from orbscan.errors import located
from orbscan.reading import api
from orbscan.reading.paths import place_of
from orbscan.reading.step_choice import ATOMICITIES, LATEST
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import TypedDict

    from orbscan import _core
    from orbscan.aliases import Atomicity, Mode, Name, StepChoice

    class Rules(TypedDict):
        """The rules for a finished checkpoint, as keywords of the functions that read one."""

        atomicity: Atomicity
        allow_uncommitted: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add PATH and all options that choose one of its pytrees to a command."""
    add_path(parser)
    add_step(parser)
    add_name(
        parser,
        "the pytree to read (default: pytree, else state, else the first, else that in PATH)",
        "read the pytree that lies in PATH itself, without a name",
        default=api.AUTO,
    )
    add_commit_rules(parser)


def add_several(parser: argparse.ArgumentParser, verb: str, also: str = "") -> None:
    """Add PATH..., and the options that choose parts of one checkpoint, to a command.

    Args:
        parser: of the command.
        verb: what the command does with a checkpoint.
        also: what else a PATH may be.
    """
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help=f"a checkpoint, or directories of checkpoints{also}; - reads paths from stdin",
    )
    add_step(parser)
    add_name(
        parser,
        f"{verb} this checkpointable alone (default: all)",
        f"{verb} the pytree alone that lies in PATH itself, without a name",
    )
    add_commit_rules(parser)


def several(arguments: argparse.Namespace, verb: str) -> list[str]:
    """Return the paths of `add_several`, and those on stdin, as the extension module takes them.

    Raises:
        SystemExit: a usage error; the usage was printed.
        Refusal: stdin has none.
    """
    check_name(arguments, arguments.name)
    paths = [local_path(arguments, path) for path in stdin.paths(arguments.paths)]
    if not paths:
        message = f"there is nothing to {verb}: no path on stdin"
        raise Refusal(message, NOT_FOUND)
    return paths


def add_name(
    parser: argparse.ArgumentParser,
    named: str,
    flat: str,
    *,
    default: object = ...,
    side: str = "",
) -> None:
    """Add --name and --flat to a command.

    Args:
        parser: the parser of the command.
        named: the help of --name.
        flat: the help of --flat.
        default: the value of `arguments.name` without either; None is that of --flat.
        side: the prefix of both options, as in --other-name.
    """
    which = parser.add_mutually_exclusive_group()
    dest = f"{side}name".replace("-", "_")
    which.add_argument(f"--{side}name", metavar="NAME", default=default, help=named)
    which.add_argument(f"--{side}flat", action="store_const", dest=dest, const=None, help=flat)


def add_path(parser: argparse.ArgumentParser) -> None:
    """Add PATH to a command."""
    parser.add_argument(
        "path", metavar="PATH", help="the directory of the checkpoint; - reads it from stdin"
    )


def local_path(arguments: argparse.Namespace, path: str) -> str:
    """Return a path of the command line, or the one on stdin, as the extension module takes it.

    Raises:
        SystemExit: a usage error, the path is a remote URL; the usage was printed.
        Refusal: as `stdin.one_path` does.
    """
    try:
        local = place_of(stdin.one_path(path))
    except ValueError as error:
        arguments.parser.error(printable(str(error)))
    return local


def add_commit_rules(parser: argparse.ArgumentParser) -> None:
    """Add the options for what counts as a finished checkpoint to a command that reads one."""
    add_atomicity(parser)
    parser.add_argument(
        "--uncommitted",
        action="store_true",
        help="also read a save that was never finished, with a warning",
    )


def rules(arguments: argparse.Namespace) -> Rules:
    """Return the values of the options of `add_commit_rules`."""
    return {"atomicity": arguments.atomicity, "allow_uncommitted": arguments.uncommitted}


def add_atomicity(parser: argparse.ArgumentParser) -> None:
    """Add --atomicity to a command."""
    parser.add_argument(
        "--atomicity",
        choices=ATOMICITIES,
        default="auto",
        help="when a checkpoint counts as finished: a name that is not temporary, "
        "commit_success.txt, or either; auto: atomic_rename (default: auto)",
    )


def add_step(parser: argparse.ArgumentParser) -> None:
    """Add --step, and the options that choose among steps, to a command."""
    parser.add_argument(
        "--step",
        metavar="STEP",
        type=step_choice,
        help="PATH is a directory of steps: read this step of it: a number, latest, best:METRIC "
        "for the greatest value of a metric, best:METRIC:min for the least, as for a loss, or the "
        "name of a directory; a METRIC with dots reaches into objects: best:eval.loss:min",
    )
    add_prefix(parser)


def add_prefix(parser: argparse.ArgumentParser) -> None:
    """Add --prefix and --no-prefix to a command."""
    prefixes = parser.add_mutually_exclusive_group()
    prefixes.add_argument(
        "--prefix",
        default=...,
        help="only steps named PREFIX_7, PREFIX_007 and so on; '' for _7",
    )
    prefixes.add_argument(
        "--no-prefix",
        action="store_const",
        dest="prefix",
        const=None,
        help="only steps named by a bare number",
    )


def step_choice(text: str) -> StepChoice:
    """Read the value of `--step`.

    Raises:
        ArgumentTypeError: it is not a step.

    >>> step_choice("1200"), step_choice("best:loss:min"), step_choice("best:a:b")
    (1200, ('loss', 'min'), ('a:b', 'max'))
    >>> step_choice("best_0.5")
    'best_0.5'
    """
    if text.isascii() and text.isdecimal():
        return whole_number(text)
    word, _, metric = text.partition(":")
    name, _, mode = metric.rpartition(":")
    if word == "best" and metric:
        if name and mode == "min":
            return name, "min"
        return (name if name and mode == "max" else metric), "max"
    if text in {"", ".", "..", "best:"} or "/" in text:
        words = "a number, latest, best:METRIC, or the name of a directory"
        message = f"{text!r} is not a step; use {words}"
        raise ArgumentTypeError(message)
    return text


def best_of(text: str) -> tuple[str, Mode]:
    """Read the value of an option that is a metric, and whether the greatest or least is best.

    Raises:
        ArgumentTypeError: it is empty.

    >>> best_of("loss:min"), best_of("acc")
    (('loss', 'min'), ('acc', 'max'))
    """
    choice = step_choice(f"best:{text}") if text else None
    if not isinstance(choice, tuple):
        message = "the name of a metric is empty"
        raise ArgumentTypeError(message)
    return choice


def step_path(arguments: argparse.Namespace, path: str) -> str:
    """Return the path of the step that the arguments choose, or the path itself.

    Raises:
        SystemExit: a usage error; the usage was printed.
        OrbscanError: there is no such step.
    """
    step, prefix = arguments.step, arguments.prefix
    by_name = isinstance(step, str) and step != LATEST
    if prefix is not ... and (step is None or by_name):
        arguments.parser.error("--prefix and --no-prefix need a --step that is not a name")
    return place_of(path, step, prefix=prefix, atomicity=arguments.atomicity)


def read(
    arguments: argparse.Namespace, *, rich_types: bool = False
) -> tuple[str, _core.Checkpoint]:
    """Read the checkpoint of the arguments: returns the path that was read, and the result.

    Raises:
        SystemExit: a usage error; the usage was printed.
        OrbscanError: as `orbscan.metadata` does.
    """
    path = local_path(arguments, arguments.path)
    check_name(arguments, arguments.name)
    # Errors from here on are not usage errors.
    path = step_path(arguments, path)
    return api.read_pytree(
        path,
        arguments.name,
        rich_types=rich_types,
        recover=getattr(arguments, "recover", False),
        **rules(arguments),
    )


def check_name(arguments: argparse.Namespace, name: Name) -> None:
    """Check a name of the command line; `...` stands for all.

    Raises:
        SystemExit: a usage error; the usage was printed.
    """
    if name is ...:
        return
    if name == "":
        arguments.parser.error("a name is empty; for a pytree without a name pass --flat")
    try:
        api.check_name(name)
    except ValueError as error:
        arguments.parser.error(printable(str(error)))


def warn(issues: Iterable[_core.Issue]) -> None:
    """Write the faults that were tolerated to stderr."""
    for _, file, offset, in_body, reason in issues:
        warning = located(reason, file, offset, in_body=in_body)
        print(f"orbscan: warning: {printable(warning)}", file=sys.stderr)
