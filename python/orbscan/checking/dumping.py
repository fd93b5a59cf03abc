"""Any one file of a checkpoint, field by field, with the offset of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orbscan import errors
from orbscan._imports import importing
from orbscan.reading.paths import place_of
from orbscan.showing.text import counted, printable

if TYPE_CHECKING:
    import os

    from orbscan import _core
    from orbscan.aliases import StoreOptions

_SHOWN_NUMBERS = 12
_SHOWN_TEXT = 160
_OFFSET_WIDTH = 10

FILE_END = 1 << 63
"""An offset that no file reaches."""


@dataclass(frozen=True)
class Field:
    """One field of a file.

    Attributes:
        level: how many fields enclose it.
        offset: where it begins, in bytes; None inside a text that is itself escaped.
        in_body: whether the offset counts from the start of the decompressed content of the node.
        name: its name; a key of a database is escaped.
        value: a number, a list of numbers, text, bytes, or the result of decoding JSON; None for a
            group, whose fields follow.
        is_group: whether it is a group of fields.
    """

    level: int
    offset: int | None
    in_body: bool
    name: str
    value: Any
    is_group: bool

    def to_dict(self) -> dict[str, object]:
        """Return the content of `orbscan dump -o json` for it, as values for `json.dumps`."""
        return field_document(
            self.level, self.offset, self.in_body, self.name, self.value, self.is_group
        )

    def __str__(self) -> str:
        return line(self.level, self.offset, self.in_body, self.name, self.value, self.is_group)


@dataclass(frozen=True)
class Dump:
    """The dump of one structure: a document, a manifest, a node.

    Attributes:
        kind: what it is, in words.
        meaning: what it is for, in words; for a chunk, which one of which array; empty if unknown.
        fields: its fields in order; those inside a field follow it.
        error: what is wrong with it, or None.
    """

    kind: str
    meaning: str
    fields: list[Field]
    error: errors.OrbscanError | None

    def to_dict(self) -> dict[str, object]:
        """Return its part of `orbscan dump -o json`, as values for `json.dumps`."""
        error = self.error
        return {
            "kind": self.kind,
            "meaning": self.meaning,
            "fields": [field.to_dict() for field in self.fields],
            "error": None
            if error is None
            else error_document(error.kind, error.offset, error.in_body, error.reason),
        }

    def __str__(self) -> str:
        return "\n".join(
            [*head(self.kind, self.meaning), *map(str, self.fields), *foot(self.error)]
        )


def dump(
    path: str | os.PathLike[str],
    part: tuple[int, int] | None = None,
    *,
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> list[Dump]:
    """Dump a file of a checkpoint, as far as it can be read.

    Args:
        path: any file of a checkpoint: the names are listed in docs/files.md. A file is recognised
            by its name, or its first bytes, or the documents above it; in a data file, all nodes
            are searched for.
        part: offset and length of the part of the file to dump, in bytes.
        store: as for `orbscan.metadata`.
        store_options: as for `orbscan.metadata`.

    Returns:
        The structures in the file, in order.

    Raises:
        CheckpointNotFoundError: the file does not exist.
        FormatError: the file is a directory, or too large, or does not have such a part.
        StoreError: the file system refused or failed.
        MemoryError: there is not enough memory for all fields; the command line, which writes them
            as they come, needs less.
        ValueError: the part begins or ends where no file does, or there are store options for a
            path on a disk.
    """
    with importing:
        from orbscan import _core

    if part is not None and not all(0 <= number < FILE_END for number in part):
        message = f"no file has {counted(part[1], 'byte')} at {part[0]}"
        raise ValueError(message)

    text = place_of(path, store=store, store_options=store_options)
    told = _Collected(text)
    _core.dump(text, part, told)
    return told.dumps


class _Collected:
    """Everything that is known about a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.dumps: list[Dump] = []
        self._what = ("", "")
        self._fields: list[Field] = []

    def begins(self, kind: str, meaning: str) -> None:
        self._what, self._fields = (kind, meaning), []

    def fields(self, fields: list[_core.DumpField]) -> None:
        self._fields += (
            Field(level, at, in_body, name, decoded(kind, value), is_group=kind == "group")
            for level, at, in_body, name, kind, value in fields
        )

    def ends(self, error: _core.Issue | None) -> None:
        self.dumps.append(Dump(*self._what, self._fields, failure(self.path, error)))


def failure(path: str, error: _core.Issue | None) -> errors.OrbscanError | None:
    """Make an exception from the error of a structure of the file at a path."""
    if error is None:
        return None
    kind, _, offset, in_body, reason = error
    return errors.error(kind, reason, path, offset, in_body)


def decoded(kind: str, value: Any) -> Any:
    """Return the value of a field by its kind; a number that Python cannot read stays text."""
    if kind != "json":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def field_document(  # noqa: PLR0913, PLR0917 - the members of a field in order
    level: int,
    offset: int | None,
    in_body: bool,  # noqa: FBT001
    name: str,
    value: Any,
    is_group: bool,  # noqa: FBT001
) -> dict[str, object]:
    """Compose the document of a field; bytes are text with escapes, as Python spells them."""
    return {
        "level": level,
        "offset": offset,
        "in_body": in_body,
        "name": name,
        "value": repr(value)[2:-1] if isinstance(value, bytes) else value,
        "group": is_group,
    }


def error_document(
    kind: str,
    offset: int | None,
    in_body: bool,  # noqa: FBT001
    reason: str,
) -> dict[str, object]:
    """Compose the document of what is wrong with a structure."""
    return {"kind": kind, "offset": offset, "in_body": in_body, "reason": reason}


def head(kind: str, meaning: str) -> list[str]:
    """Show what a structure is, in lines."""
    return [kind, *([f"  {printable(meaning)}"] if meaning else [])]


def foot(error: errors.OrbscanError | None) -> list[str]:
    """Show what is wrong with a structure, in lines."""
    return [] if error is None else [f"error: {printable(str(error))}"]


def line(  # noqa: PLR0913, PLR0917 - the members of a field in order
    level: int,
    offset: int | None,
    in_body: bool,  # noqa: FBT001
    name: str,
    value: Any,
    is_group: bool,  # noqa: FBT001
) -> str:
    """Show a field."""
    place = "" if offset is None else f"{offset}+" if in_body else offset
    text = "" if is_group else f": {_shown(value)}"
    return f"{place:>{_OFFSET_WIDTH}}  {'  ' * level}{printable(name)}{text}"


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
