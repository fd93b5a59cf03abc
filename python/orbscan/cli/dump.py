"""`orbscan dump`: one file of a checkpoint, field by field."""

from __future__ import annotations

from argparse import ArgumentTypeError

from orbscan.cli import source
from orbscan.cli.exits import FINDINGS, FINE
from orbscan.cli.help import EXIT_CODES, add_output, help_formatter, whole_number
from orbscan.text import counted

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from orbscan.dumping import Dump

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
    add_output(parser, "text", "text")
    parser.set_defaults(run=run, parser=parser)


def _part(text: str) -> tuple[int, int]:
    """Read OFFSET:LENGTH.

    Raises:
        ArgumentTypeError: it is not.

    >>> _part("38:95")
    (38, 95)
    """
    from orbscan.dumping import FILE_END

    offset, _, length = text.partition(":")
    part = whole_number(offset), whole_number(length)
    if max(part) >= FILE_END:
        message = f"no file has {counted(part[1], 'byte')} at {offset}"
        raise ArgumentTypeError(message)
    return part


def run(arguments: argparse.Namespace) -> int:
    """Take the file apart, and write what is in it to stdout."""
    path = source.local_path(arguments, arguments.file)
    from orbscan.dumping import dump

    found = dump(path, arguments.at)
    if arguments.output == "json":
        import json

        print(json.dumps(_document(path, found)))
    else:
        print("\n\n".join(map(str, found)))
    return FINDINGS if any(structure.error for structure in found) else FINE


def _document(path: str, found: list[Dump]) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "file": path,
        "structures": [
            {
                "kind": structure.kind,
                "meaning": structure.meaning,
                "error": _error(structure),
                "fields": [
                    {
                        "level": field.level,
                        "offset": field.offset,
                        "in_body": field.in_body,
                        "name": field.name,
                        "value": _value(field.value),
                        "group": field.is_group,
                    }
                    for field in structure.fields
                ],
            }
            for structure in found
        ],
    }


def _error(structure: Dump) -> dict[str, Any] | None:
    error = structure.error
    if error is None:
        return None
    return {
        "kind": error.kind,
        "offset": error.offset,
        "in_body": error.in_body,
        "reason": error.reason,
    }


def _value(value: Any) -> Any:
    """Bytes as text with escapes, as Python spells them."""
    return repr(value)[2:-1] if isinstance(value, bytes) else value
