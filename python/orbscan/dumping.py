"""Any one file of a checkpoint, field by field, with the offset of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orbscan import api, errors
from orbscan.text import counted, printable

if TYPE_CHECKING:
    import os

_SHOWN_NUMBERS = 12
_SHOWN_TEXT = 160
_OFFSET_WIDTH = 10

FILE_END = 1 << 63
"""Where no file can have a byte any more."""


@dataclass(frozen=True)
class Field:
    """One field of a file.

    Attributes:
        level: how many fields it lies in.
        offset: where it begins, in bytes; None inside a text that is itself escaped.
        in_body: whether the offset counts from the start of what the node decompresses to.
        name: what it is; a key of a database is escaped.
        value: a number, a list of numbers, text, bytes, or what JSON makes of it; None for a
            group, whose fields follow.
        is_group: whether it is a group of fields.
    """

    level: int
    offset: int | None
    in_body: bool
    name: str
    value: Any
    is_group: bool

    def __str__(self) -> str:
        place = "" if self.offset is None else f"{self.offset}{'+' if self.in_body else ''}"
        text = "" if self.is_group else f": {_shown(self.value)}"
        return f"{place:>{_OFFSET_WIDTH}}  {'  ' * self.level}{printable(self.name)}{text}"


@dataclass(frozen=True)
class Dump:
    """One structure, taken apart: a document, a manifest, a node.

    Attributes:
        kind: what it is, in words.
        meaning: what it is for, in words; of a chunk, which one of which array; empty if nobody
            knows.
        fields: its fields in order; those inside a field follow it.
        error: what is wrong with it, or None.
    """

    kind: str
    meaning: str
    fields: list[Field]
    error: errors.OrbscanError | None

    def __str__(self) -> str:
        meaning = [f"  {printable(self.meaning)}"] if self.meaning else []
        lines = [self.kind, *meaning, *map(str, self.fields)]
        if self.error is not None:
            lines.append(f"error: {printable(str(self.error))}")
        return "\n".join(lines)


def dump(path: str | os.PathLike[str], part: tuple[int, int] | None = None) -> list[Dump]:
    """Take a file of a checkpoint apart, as far as it can be read.

    Args:
        path: any file of a checkpoint: the names are listed in docs/files.md. What a file is, its
            name tells, or its first bytes, or the documents above it; in a data file all nodes are
            looked for.
        part: offset and length of the part of the file to look at, in bytes.

    Returns:
        The structures in the file, in order.

    Raises:
        CheckpointNotFoundError: the file does not exist.
        FormatError: the file is a directory, or too large, or does not have such a part.
        StoreError: the file system refused or failed.
        ValueError: the part begins or ends where no file does, or the path is a remote URL.
    """
    from orbscan import _core

    if part is not None and not all(0 <= number < FILE_END for number in part):
        message = f"no file has {counted(part[1], 'byte')} at {part[0]}"
        raise ValueError(message)

    text = api.local_path(path)
    return [_dump(text, *structure) for structure in _core.dump(text, part)]


def _dump(
    path: str, kind: str, meaning: str, fields: list[Any], error: tuple[Any, ...] | None
) -> Dump:
    failure = None
    if error is not None:
        kind_of_error, _, offset, in_body, reason = error
        failure = errors.error(kind_of_error, reason, path, offset, in_body)
    return Dump(kind, meaning, [_field(*field) for field in fields], failure)


def _field(level: int, at: int | None, in_body: bool, name: str, kind: str, value: Any) -> Field:  # noqa: FBT001, PLR0913, PLR0917 - the fields of the Rust side in order
    if kind == "json":
        value = _number(value)
    return Field(level, at, in_body, name, value, is_group=kind == "group")


def _number(text: str) -> Any:
    """What JSON spells; what is no number of Python stays text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    if isinstance(value, list):
        more = f", … {len(value)} in all" if len(value) > _SHOWN_NUMBERS else ""
        return f"[{', '.join(map(str, value[:_SHOWN_NUMBERS]))}{more}]"
    if isinstance(value, bytes):
        text = repr(value)[1:]
    elif isinstance(value, str):
        text = printable(value)
    else:
        text = json.dumps(value)
    if len(text) > _SHOWN_TEXT:
        length = f" {len(value):,} in all" if isinstance(value, bytes | str) else ""
        return f"{text[:_SHOWN_TEXT]}…{length}"
    return text
