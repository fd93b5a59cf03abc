"""`orbscan verify`: whether checkpoints are complete and intact."""

from __future__ import annotations

import sys

from orbscan import api
from orbscan.cli import search, source, stdin
from orbscan.cli.exits import FINDINGS, FINE, NOT_FOUND, PARTIAL, Refusal
from orbscan.cli.help import EXIT_CODES, add_output, help_formatter, number_of_bytes
from orbscan.errors import OrbscanError
from orbscan.text import counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator

    from orbscan.verification import Progress, Report, Severity

_EXAMPLES = """\
examples:
  orbscan verify checkpoints/1000
  orbscan verify checkpoints/1000 --level data --max-bandwidth 200MB
  orbscan verify checkpoints                        # all checkpoints below
  orbscan verify checkpoints/1000 -o json | jq '.lost_leaves[].leaf'
  ls -d checkpoints/* | orbscan verify -

The exit code is 1 if an error was found in any checkpoint. With several
checkpoints, -o json prints one document a line.

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "verify",
        help="check whether checkpoints are complete and intact",
        description="Check whether checkpoints are complete and intact, without loading them.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="a checkpoint, or a directory of checkpoints; - for paths from stdin, one a line, or "
        "separated by NUL characters",
    )
    search.add_share(parser)
    source.add_step(parser)
    parser.add_argument(
        "--level",
        choices=["structure", "index", "data"],
        default="index",
        help="structure: the documents agree; index: every chunk is there, by the index of the "
        "store and the sizes of files; data: every chunk decodes (default: index)",
    )
    parser.add_argument(
        "--check-values",
        action="store_true",
        help="with --level data: report chunks that hold NaN or infinity",
    )
    parser.add_argument(
        "--max-bandwidth",
        metavar="SIZE",
        type=number_of_bytes,
        help="with --level data: read no more than this in a second, such as 200MB",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="show errors only, and nothing for what is fine"
    )
    add_output(parser, "text", "text")
    parser.add_argument(
        "--json", action="store_const", dest="output", const="json", help="the same as -o json"
    )
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Check every checkpoint, write the reports to stdout, and the progress to stderr."""
    if arguments.level != "data" and (arguments.check_values or arguments.max_bandwidth):
        arguments.parser.error("--check-values and --max-bandwidth need --level data")
    if arguments.max_bandwidth == 0:
        arguments.parser.error("--max-bandwidth must be more than nothing")
    paths = _local_paths(arguments)
    tally = _Tally()
    for path in paths:
        # Of several paths each is checked, whatever becomes of the others.
        alone = len(paths) == 1
        try:
            root = api.local_path(path, arguments.step)
        except OrbscanError as error:
            tally.fail(error, alone=alone)
            continue
        for checkpoint in _checkpoints(root, arguments.shard):
            try:
                report = _verified(arguments, checkpoint)
            except OrbscanError as error:
                tally.fail(error, alone=alone and not isinstance(checkpoint, _Found))
                continue
            tally.add(report)
            _write(arguments, report)
    tally.write(arguments)
    return tally.status


class _Found(str):
    """The path of a checkpoint that was found below a directory."""

    __slots__ = ()


def _local_paths(arguments: argparse.Namespace) -> list[str]:
    """Give the paths of the arguments and of stdin.

    Raises:
        Refusal: stdin has none.
    """
    given = stdin.paths(arguments.paths)
    if not given:
        message = "there is nothing to check: no path on stdin"
        raise Refusal(message, NOT_FOUND)
    try:
        return [api.local_path(text) for text in given]
    except ValueError as error:
        arguments.parser.error(printable(str(error)))
    return []


def _checkpoints(path: str, shard: tuple[int, int] | None) -> Iterator[str]:
    """The checkpoint at a path, or those below a path that is none; or a share of them."""
    below: Iterable[str] = ()
    if shard is not None or _may_be_root(path):
        # Of a checkpoint it gives the checkpoint itself, if it is in the share.
        below = map(_Found, _below(path, shard))
    any_below = False
    for found in below:
        any_below = True
        yield path if found == path else found
    if not any_below and shard is None:
        yield path


def _may_be_root(path: str) -> bool:
    """Whether a path is a directory without any mark of a checkpoint, so that some may lie below.

    Orbax takes every such directory for a checkpoint if there is none right below it.
    """
    from pathlib import Path

    return Path(path).is_dir() and not _looks_broken(path)


def _looks_broken(path: str) -> bool:
    """Whether a directory was meant to be a checkpoint."""
    from pathlib import Path

    marks = ("orbax.checkpoint", "_CHECKPOINT_METADATA", "_METADATA")
    return ".orbax-checkpoint-tmp" in path or any((Path(path) / mark).exists() for mark in marks)


def _below(path: str, shard: tuple[int, int] | None) -> Iterator[str]:
    from orbscan.scanning import scan

    for entry in scan(path, leaves=False, ordered=True, shard=shard):
        yield entry.path


def _verified(arguments: argparse.Namespace, path: str) -> Report:
    from orbscan.verification import verify

    shown = _shown_progress() if arguments.level == "data" and sys.stderr.isatty() else None
    try:
        return verify(
            path,
            level=arguments.level,
            check_values=arguments.check_values,
            max_bandwidth=arguments.max_bandwidth,
            progress=shown,
        )
    finally:
        if shown is not None:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _shown_progress() -> Callable[[Progress], None]:
    def show(progress: Progress) -> None:
        text = f"{size(progress.nbytes)} of {size(progress.total)}"
        print(f"\r\x1b[K{text}, {progress.chunks:,} chunks", end="", file=sys.stderr, flush=True)

    return show


def _write(arguments: argparse.Namespace, report: Report) -> None:
    if arguments.output == "json":
        import json

        print(json.dumps(report.to_dict(), allow_nan=False))
        return
    severities: tuple[Severity, ...] = (
        ("error",) if arguments.quiet else ("error", "warning", "note")
    )
    if not (arguments.quiet and report.ok):
        for line in report.lines(severities):
            print(line)


class _Tally:
    """What all reports come to."""

    def __init__(self) -> None:
        self.checked = self.damaged = self.lost = self.failed = 0

    @property
    def status(self) -> int:
        """The exit code."""
        if self.damaged:
            return FINDINGS
        return PARTIAL if self.failed else FINE

    def add(self, report: Report) -> None:
        """Count a report."""
        self.checked += 1
        self.damaged += not report.ok
        self.lost += len(report.lost_leaves)

    def fail(self, error: OrbscanError, *, alone: bool) -> None:
        """Count a checkpoint that could not be checked, and tell why.

        Raises:
            OrbscanError: it was all that was to be checked.
        """
        if alone:
            raise error
        print(f"orbscan: error: {printable(str(error))}", file=sys.stderr)
        self.failed += 1

    def write(self, arguments: argparse.Namespace) -> None:
        """Sum up, if there was more than one checkpoint."""
        if self.checked + self.failed > 1 and arguments.output == "text":
            print(
                f"{counted(self.checked, 'checkpoint')}: {self.checked - self.damaged:,} ok, "
                f"{self.damaged:,} damaged, {counted(self.lost, 'leaf', 'leaves')} lost"
                + (f", {self.failed:,} could not be checked" if self.failed else "")
            )
