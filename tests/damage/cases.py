"""Every damage that the campaign tries on a checkpoint.

A case says what the files of the checkpoint hold after the damage, so it can be put on a disk and
taken back, for orbscan and for Orbax alike.
"""

from __future__ import annotations

import json
import os
import re
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Files = dict[str, bytes]

KINDS = [
    "file removed",
    "directory removed",
    "file emptied",
    "file cut off",
    "bit flipped",
    "JSON value of another type",
    "JSON member removed",
    "file of another checkpoint",
    "bit flipped, checksum made right",
]
"""The rows of the table, in order."""


@dataclass(frozen=True)
class Case:
    """One damage.

    Attributes:
        kind: one of `KINDS`.
        file: what was damaged, relative to the checkpoint.
        place: where in it, in words.
        changes: what files hold afterwards; None for those that are gone.
        resealed: whether checksums were made right again, so that none can tell.
    """

    kind: str
    file: str
    place: str
    changes: Mapping[str, bytes | None]
    resealed: bool = False


def read_files(root: Path) -> Files:
    """All files below a directory, by their relative path."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def every_case(files: Files, others: list[Files]) -> Iterator[Case]:
    """All cases of one checkpoint; `others` lend the files that are put in place of its own."""
    yield from _whole_files(files)
    for path, content in files.items():
        if is_metadata(path, files):
            yield from _parts(path, content)
            for place, other in replacements(path, content, others):
                yield Case("file of another checkpoint", path, place, {path: other})


def _whole_files(files: Files) -> Iterator[Case]:
    for path, content in files.items():
        yield Case("file removed", path, "", {path: None})
        if content:
            yield Case("file emptied", path, "", {path: b""})
    for directory in sorted({str(parent) for path in files for parent in Path(path).parents}):
        if directory != ".":
            inside = dict.fromkeys(path for path in files if path.startswith(f"{directory}/"))
            yield Case("directory removed", directory, "", inside)


def _parts(path: str, content: bytes) -> Iterator[Case]:
    for length in range(1, len(content)):
        yield Case("file cut off", path, f"after {length}", {path: content[:length]})
    for bit in range(len(content) * 8):
        yield Case("bit flipped", path, _place(bit), {path: flipped(content, bit)})
    for kind, place, text in json_changes(path, content):
        yield Case(kind, path, place, {path: text})
    for bit, node in resealed(content):
        kind = "bit flipped, checksum made right"
        yield Case(kind, path, _place(bit), {path: node}, resealed=True)


def _place(bit: int) -> str:
    return f"bit {bit % 8} of byte {bit // 8}"


def is_metadata(path: str, files: Files) -> bool:
    """Whether a reader of metadata may look into a file.

    Chunks are data. The databases of single processes are read only where they were not merged,
    and texts of strings, commit marks and what lies in items of other kinds not at all.
    """
    folder, _, name = path.rpartition("/")
    if re.search(r"(^|/)ocdbt\.process_", path):
        item = path[: path.index("ocdbt.process_")]
        return f"{item}manifest.ocdbt" not in files
    if folder.endswith("array_metadatas") or re.search(r"(^|/)d$", folder):
        return True
    return (
        name in _NAMES
        or name.endswith(".safetensors")
        or re.fullmatch(r"manifest\.(ocdbt|[0-9a-f]{16})", name) is not None
    )


_NAMES = {
    "_CHECKPOINT_METADATA",
    "_CHECKPOINT_DELETION",
    "_METADATA",
    "_sharding",
    ".zarray",
    "zarr.json",
    "checkpoint",
    "orbax.checkpoint",
    "commit_success.txt",
}

_JSON = {"_CHECKPOINT_METADATA", "_CHECKPOINT_DELETION", "_METADATA", "_sharding", ".zarray"}


def is_json(path: str) -> bool:
    """Whether a file holds one JSON document."""
    name = Path(path).name
    return name in _JSON or name == "zarr.json" or "array_metadatas/" in path


def flipped(content: bytes, bit: int) -> bytes:
    """The content with one bit turned over."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


_OTHER_TYPES: list[object] = [None, True, 7, -1, 1.5, "x", [], {}, [None], {"x": 1}]


def json_changes(path: str, content: bytes) -> Iterator[tuple[str, str, bytes]]:
    """The document with each value replaced by one of each other type, and without each member.

    Documents inside strings are changed in the same way.
    """
    if not is_json(path) or not content:
        return
    document = json.loads(content)
    for kind, place, changed in _changes(document, ""):
        yield kind, place or "the whole", json.dumps(changed).encode()


Change = tuple[str, str, object]
"""The kind of a change, its place, and the whole value after it."""


def _changes(value: Any, place: str) -> Iterator[Change]:
    """What can become of a value and of what is in it."""
    for other in _OTHER_TYPES:
        if type(other) is not type(value) or (not other and value):
            yield "JSON value of another type", f"{place} becomes {json.dumps(other)}", other
    if isinstance(value, dict):
        yield from _changes_of_members(value, place)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            for kind, where, changed in _changes(child, f"{place}[{index}]"):
                yield kind, where, [*value[:index], changed, *value[index + 1 :]]
    elif isinstance(value, str) and value.startswith("{"):
        for kind, where, changed in _changes(json.loads(value), f"{place}(inside)"):
            yield kind, where, json.dumps(changed)


def _changes_of_members(value: dict[str, Any], place: str) -> Iterator[Change]:
    for key, child in value.items():
        rest = {other: kept for other, kept in value.items() if other != key}
        yield "JSON member removed", f"{place}[{key!r}]", rest
        for kind, where, changed in _changes(child, f"{place}[{key!r}]"):
            yield kind, where, {**value, key: changed}


def replacements(path: str, content: bytes, others: list[Files]) -> Iterator[tuple[str, bytes]]:
    """Files that play the same part in other checkpoints."""
    seen = {content}
    for number, other in enumerate(others):
        for theirs, text in other.items():
            if _part(theirs) == _part(path) and text not in seen:
                seen.add(text)
                yield f"{theirs} of checkpoint {number}", text


def _part(path: str) -> str:
    folder, _, name = path.rpartition("/")
    if Path(folder).name in {"d", "array_metadatas"}:
        return Path(folder).name
    return name


_MAGIC = re.compile(rb"\x0c\xdb(\x3a\x2a|\x20\xde|\x12\x34)")


def nodes(content: bytes) -> list[tuple[int, int]]:
    """Where manifests and nodes begin and end in a file."""
    found = []
    for magic in _MAGIC.finditer(content):
        start = magic.start()
        if start + 16 <= len(content):
            (length,) = struct.unpack_from("<Q", content, start + 4)
            if start + length <= len(content):
                found.append((start, start + length))
    return found


def resealed(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Nodes without compression, with each bit of their bodies flipped and the checksum right.

    So every length, count, key, file number, offset and length of a reference points elsewhere
    once, and no checksum tells.
    """
    for start, end in nodes(content):
        if content[start + 13] != 0:
            continue
        for bit in range((start + 14) * 8, (end - 4) * 8):
            changed = flipped(content, bit)[start : end - 4]
            checksum = struct.pack("<I", crc32c(changed))
            yield bit, content[:start] + changed + checksum + content[end:]


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return tuple(table)


def crc32c(content: bytes) -> int:
    """The checksum of manifests and nodes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, value = _table(), 0xFFFFFFFF
    for byte in content:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


class Damaged:
    """Puts cases on a disk, one after another, and takes each back."""

    def __init__(self, root: Path, files: Files) -> None:
        self._root = root
        self._files = files
        for path, content in files.items():
            self._put(path, content)

    def during(self, case: Case, ask: Callable[[], Any]) -> Any:
        """What `ask` gives while the checkpoint is damaged."""
        self.put(case)
        try:
            return ask()
        finally:
            self.take_back(case)

    def put(self, case: Case) -> None:
        """Damages the checkpoint."""
        for path, content in case.changes.items():
            self._put(path, content)
        if case.kind == "directory removed":
            _remove_empty(self._root / case.file)

    def take_back(self, case: Case) -> None:
        """Makes the checkpoint whole again."""
        for path in case.changes:
            self._put(path, self._files[path])

    def _put(self, path: str, content: bytes | None) -> None:
        target = self._root / path
        if content is None:
            target.unlink()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        # The time of a safetensors file is that of its last change.
        os.utime(target, (0, 0))


def _remove_empty(folder: Path) -> None:
    for child in folder.iterdir():
        _remove_empty(child)
    folder.rmdir()
