"""`orbscan verify`: whether checkpoints are complete and intact."""

from __future__ import annotations

import sys
from typing import NamedTuple

from orbscan.checking.report_text import unsealed
from orbscan.cli import search, source, stdin
from orbscan.cli.destination import JSON, JSON_LINES, TEXT, add_output
from orbscan.cli.exits import FINDINGS, FINE, NOT_FOUND, PARTIAL, Refusal
from orbscan.cli.help import EXIT_CODES, help_formatter, number_of_bytes
from orbscan.cli.messages import told
from orbscan.errors import OrbscanError
from orbscan.reading.paths import place_of
from orbscan.showing.text import checkpointable, counted, printable, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from orbscan.aliases import Severity
    from orbscan.checking.report import VerifyReport
    from orbscan.checking.verdict import Progress

_EXAMPLES = """\
examples:
  orbscan verify checkpoints/1000
  orbscan verify checkpoints/1000 --level data --max-bandwidth 200MB
  orbscan verify checkpoints/1000 --name params
  orbscan verify checkpoints                        # all checkpoints below: what is wrong
  orbscan verify checkpoints/1000 -o findings.json
  orbscan verify checkpoints/1000 -o json | jq '.lost_leaves[].leaf'
  orbscan verify checkpoints --latest 3 --exclude '**/_todelete_*'
  ls -d checkpoints/* | orbscan verify -
  orbscan verify --combined host0/1000 host1/1000   # what two hosts hold of one checkpoint

The exit code is 1 if an error was found in any checkpoint. A save that was never
finished is an error if it is named; below a directory that is named it is reported
as uncommitted, since it may be under way. Of several checkpoints, those in which
nothing is wrong are only counted, and -o json and jsonl have one document a line.

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
    source.add_step(parser)
    source.add_name(
        parser,
        "check this checkpointable alone, of each checkpoint (default: all)",
        "check the pytree alone that lies in the checkpoint itself, without a name",
    )
    search.add_filters(parser)
    search.add_share(parser)
    parser.add_argument(
        "--strict",
        action="store_true",
        help="also below a directory, a save that was never finished is an error",
    )
    parser.add_argument(
        "--combined",
        action="store_true",
        help="the paths are the directories of all hosts of one checkpoint, as after a local "
        "(emergency) save: check them as one",
    )
    parser.add_argument(
        "--level",
        choices=["structure", "index", "data"],
        default="index",
        help="structure: the documents agree; index: every chunk is there, according to the index "
        "of the store and the sizes of files; data: every chunk decodes (default: index)",
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
        help="with --level data: read at most this much per second, such as 200MB",
    )
    told = parser.add_mutually_exclusive_group()
    told.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="show the report of every checkpoint, even if several are checked and it has no fault",
    )
    told.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    add_output(parser, "text", (TEXT, JSON, JSON_LINES))
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Check every checkpoint, write the reports to stdout, and the progress to stderr."""
    if arguments.level != "data" and (arguments.check_values or arguments.max_bandwidth):
        arguments.parser.error("--check-values and --max-bandwidth need --level data")
    if arguments.max_bandwidth == 0:
        arguments.parser.error("--max-bandwidth must be positive")
    source.check_name(arguments, arguments.name)
    paths = _local_paths(arguments)
    check = _check_combined if arguments.combined else _check_all
    with arguments.output.opened(quiet=arguments.quiet):
        return check(arguments, paths)


def _check_all(arguments: argparse.Namespace, paths: list[str]) -> int:
    tally = _Tally()
    for path in paths:
        # If there are several paths, each is checked, whatever the results of the others.
        alone = len(paths) == 1
        try:
            root = source.step_path(arguments, path)
        except OrbscanError as error:
            tally.fail(error, arguments, alone=alone)
            continue
        for target in _checkpoints(root, arguments):
            _check(arguments, target, tally, alone=alone and not target.below)
    tally.write(arguments)
    return tally.status


def _check_combined(arguments: argparse.Namespace, paths: list[str]) -> int:
    from orbscan.checking.api import not_to_combine

    if arguments.strict or arguments.shard is not None or search.has_filters(arguments):
        arguments.parser.error("--combined takes no option that selects among checkpoints")
    if arguments.name is not ...:
        arguments.parser.error("--combined checks a checkpoint as a whole, without a --name")
    if reason := not_to_combine(paths):
        arguments.parser.error(printable(f"--combined: {reason}"))
    report = _verified(arguments, [source.step_path(arguments, path) for path in paths])
    _write(arguments, report, alone=True)
    return FINE if report.ok else FINDINGS


class _Target(NamedTuple):
    """A checkpoint to check.

    Attributes:
        path: its path.
        below: whether it was found below a directory, rather than named.
        uncommitted: why it is not finished, if it was found below a directory.
        error: why it could not even be examined.
    """

    path: str
    below: bool
    uncommitted: str | None = None
    error: OrbscanError | None = None


def _check(arguments: argparse.Namespace, target: _Target, tally: _Tally, *, alone: bool) -> None:
    if target.error is not None:
        tally.fail(target.error, arguments, alone=alone)
        return
    if target.uncommitted is not None and not arguments.strict:
        tally.uncommitted += 1
        _write_uncommitted(arguments, target.path, target.uncommitted)
        return
    try:
        report = _verified(arguments, target.path)
    except OrbscanError as error:
        tally.fail(error, arguments, alone=alone)
        return
    tally.add(report)
    tally.several |= not alone
    _write(arguments, report, alone=alone)


def _write_uncommitted(arguments: argparse.Namespace, path: str, reason: str) -> None:
    if arguments.output.format != TEXT:
        import json

        from orbscan.checking.document import uncommitted_document

        print(json.dumps(uncommitted_document(path, reason)))
    elif not arguments.quiet:
        print(f"{printable(path)}: uncommitted: {reason}")


def _local_paths(arguments: argparse.Namespace) -> list[str]:
    """Return the paths of the arguments and of stdin.

    Raises:
        Refusal: stdin has none.
    """
    given = stdin.paths(arguments.paths)
    if not given:
        message = "there is nothing to check: no path on stdin"
        raise Refusal(message, NOT_FOUND)
    try:
        return [place_of(text) for text in given]
    except ValueError as error:
        arguments.parser.error(printable(str(error)))
    return []


def _checkpoints(path: str, arguments: argparse.Namespace) -> Iterator[_Target]:
    """The checkpoint at a path and those below it, as a scan finds them; or the path itself."""
    from orbscan.scanning.api import begun

    any_found = False
    filters = search.filters(arguments)
    for entry in begun(path, leaves=False, ordered=True, shard=arguments.shard, **filters):
        any_found = True
        if entry.path == path:
            yield _Target(path, below=False)
            if arguments.name is not ...:
                # A part of this checkpoint was selected, not one of each step in it.
                return
            continue
        if entry.committed:
            yield _Target(entry.path, below=True)
        elif entry.kind == "unknown" and not entry.temporary and entry.error is not None:
            # It is also not known whether it is finished.
            yield _Target(entry.path, below=True, error=entry.error)
        else:
            yield _Target(entry.path, below=True, uncommitted=entry.commit_reason)
    if any_found or arguments.shard is not None:
        return
    if search.has_filters(arguments):
        raise search.nothing_found(arguments, path)
    # The check says why there is nothing.
    yield _Target(path, below=False)


def _verified(arguments: argparse.Namespace, path: str | list[str]) -> VerifyReport:
    from orbscan.checking.api import verify
    from orbscan.cli.progress import Told

    with Told() as told:

        def tell(progress: Progress) -> None:
            text = f"{size(progress.nbytes)} of {size(progress.total)}"
            told.tell(f"{text}, {counted(progress.chunks, 'chunk')}")

        return verify(
            path,
            arguments.name,
            level=arguments.level,
            check_values=arguments.check_values,
            max_bandwidth=arguments.max_bandwidth,
            progress=tell if arguments.level == "data" else None,
            atomicity=arguments.atomicity,
            combined=arguments.combined,
        )


def _write(arguments: argparse.Namespace, report: VerifyReport, *, alone: bool) -> None:
    if arguments.output.format != TEXT:
        import json

        print(json.dumps(report.to_dict(), allow_nan=False))
        return
    severities: tuple[Severity, ...] = (
        ("error",) if arguments.quiet else ("error", "warning", "note")
    )
    shown = not report.ok or (
        not arguments.quiet and (alone or arguments.verbose or report.count("warning"))
    )
    if shown:
        from orbscan.cli import output

        lines = output.folded(report.lines(severities), output.fitting(arguments))
        output.write(output.verdicts(lines))


class _Tally:
    """The sum of all reports."""

    def __init__(self) -> None:
        self.checked = self.damaged = self.lost = self.failed = self.uncommitted = 0
        self.parts = self.unsealed = 0
        self.several = False

    @property
    def status(self) -> int:
        """The exit code."""
        if self.damaged:
            return FINDINGS
        return PARTIAL if self.failed else FINE

    def add(self, report: VerifyReport) -> None:
        """Add a report."""
        self.checked += 1
        self.damaged += not report.ok
        self.parts += report.part is not None
        self.lost += len(report.lost_leaves)
        self.unsealed += report.extent.unsealed

    def fail(self, error: OrbscanError, arguments: argparse.Namespace, *, alone: bool) -> None:
        """Count a checkpoint that could not be checked, and say why.

        Raises:
            OrbscanError: it was the only one.
        """
        if alone:
            raise error
        print(f"orbscan: error: {printable(told(error, arguments))}", file=sys.stderr)
        self.failed += 1

    def write(self, arguments: argparse.Namespace) -> None:
        """Write a summary, if there was more than one checkpoint."""
        seen = self.checked + self.failed + self.uncommitted
        if (self.several or seen > 1 or self.uncommitted) and arguments.output.format == TEXT:
            name = arguments.name
            alone = "" if name is ... else f", {checkpointable(name)} alone"
            lines = [
                f"{counted(seen, 'checkpoint')}{alone}: {self.checked - self.damaged:,} ok, "
                f"{self.damaged:,} damaged, {counted(self.lost, 'leaf', 'leaves')} lost"
                + (f", {self.parts:,} held in part" if self.parts else "")
                + (f", {self.uncommitted:,} uncommitted" if self.uncommitted else "")
                + (f", {self.failed:,} could not be checked" if self.failed else "")
            ]
            if self.unsealed and not arguments.quiet:
                lines.append(unsealed(self.unsealed))
            from orbscan.cli import output

            print(*output.folded(lines, output.fitting(arguments)), sep="\n")
