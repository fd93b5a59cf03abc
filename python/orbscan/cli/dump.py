"""`orbscan dump`: one file of a checkpoint, field by field."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError

from orbscan.cli import source
from orbscan.cli.destination import JSON, add_output
from orbscan.cli.exits import FINDINGS, FINE
from orbscan.cli.help import EXIT_CODES, help_formatter, whole_number
from orbscan.showing.text import counted

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from orbscan import _core

_EXAMPLES = """\
examples:
  orbscan dump checkpoints/1000/state/manifest.ocdbt
  orbscan dump checkpoints/1000/state/d/387b87d99d2a487839ceedd551aadd5a
  orbscan dump checkpoints/1000/state/d/387b87d99d2a487839ceedd551aadd5a --at 38:95
  orbscan dump checkpoints/1000/state/_METADATA -o json | jq '.structures[0].error'

"""


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of the program."""
    parser = commands.add_parser(
        "dump",
        help="show a file of a checkpoint field by field",
        description="Show a file of a checkpoint field by field, with the offset of each, as far "
        "as it can be read. The exit code is 1 if anything is wrong with it.",
        epilog=_EXAMPLES + EXIT_CODES,
        formatter_class=help_formatter,
    )
    parser.add_argument("file", metavar="FILE", help="any file of a checkpoint")
    parser.add_argument(
        "--at",
        metavar="OFFSET:LENGTH",
        type=_part,
        help="look only at this part of the file, in bytes",
    )
    add_output(parser, "text", fits=False)
    parser.set_defaults(run=run, parser=parser)


def _part(text: str) -> tuple[int, int]:
    """Read OFFSET:LENGTH.

    Raises:
        ArgumentTypeError: it is not.

    >>> _part("38:95")
    (38, 95)
    """
    from orbscan.checking.dumping import FILE_END

    offset, _, length = text.partition(":")
    part = whole_number(offset), whole_number(length)
    if max(part) >= FILE_END:
        message = f"no file has {counted(part[1], 'byte')} at {offset}"
        raise ArgumentTypeError(message)
    return part


def run(arguments: argparse.Namespace) -> int:
    """Dump the file to stdout."""
    path = source.local_path(arguments, arguments.file)
    from orbscan import _core

    told = _Document(path) if arguments.output.format == JSON else _Text(path)
    with arguments.output.opened():
        _core.dump(path, arguments.at, told)
        told.end()
    return FINDINGS if told.is_wrong else FINE


class _Text:
    """Writes the dump of a file as text while it is made."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_wrong = False
        self._is_first = True

    def begins(self, kind: str, meaning: str) -> None:
        from orbscan.checking.dumping import head

        between = "" if self._is_first else "\n"
        self._is_first = False
        sys.stdout.write(between)
        self._write(head(kind, meaning))

    def fields(self, fields: list[_core.DumpField]) -> None:
        from orbscan.checking.dumping import decoded, line

        self._write(
            line(level, at, in_body, name, decoded(kind, value), kind == "group")
            for level, at, in_body, name, kind, value in fields
        )

    def ends(self, error: _core.Issue | None) -> None:
        from orbscan.checking.dumping import failure, foot

        self.is_wrong |= error is not None
        self._write(foot(failure(self.path, error)))

    def end(self) -> None:
        """Write what follows all structures."""
        if self._is_first:
            self._write([""])

    @staticmethod
    def _write(lines: Iterable[str]) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))


class _Document:
    """Writes the dump of a file as one JSON document while it is made."""

    def __init__(self, path: str) -> None:
        import json

        self.is_wrong = False
        self._dumps = json.dumps
        # Written with the first structure, so that a file that cannot be opened leaves no half
        # document.
        file = f'"schema_version": 1, "file": {json.dumps(path)}'
        self._between = f'{{{file}, "structures": ['

    def begins(self, kind: str, meaning: str) -> None:
        what = f'"kind": {self._dumps(kind)}, "meaning": {self._dumps(meaning)}'
        sys.stdout.write(f'{self._between}{{{what}, "fields": [')
        self._between = ""

    def fields(self, fields: list[_core.DumpField]) -> None:
        from orbscan.checking.dumping import decoded, field_document

        members = [
            field_document(level, at, in_body, name, decoded(kind, value), kind == "group")
            for level, at, in_body, name, kind, value in fields
        ]
        sys.stdout.write(f"{self._between}{self._dumps(members)[1:-1]}")
        self._between = ", "

    def ends(self, error: _core.Issue | None) -> None:
        from orbscan.checking.dumping import error_document

        self.is_wrong |= error is not None
        told = None
        if error is not None:
            kind, _, offset, in_body, reason = error
            told = error_document(kind, offset, in_body, reason)
        sys.stdout.write(f'], "error": {self._dumps(told)}}}')
        self._between = ", "

    def end(self) -> None:
        """Write what follows all structures."""
        # If there were none, the beginning has not been written yet.
        beginning = self._between if self._between.startswith("{") else ""
        sys.stdout.write(f"{beginning}]}}\n")
