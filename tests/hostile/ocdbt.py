"""Writes OCDBT files that no writer would write: every field is what it is told to be."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.damage.cases import crc32c

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST, NODE = 0x0CDB3A2A, 0x0CDB20DE
MISSING = 2**64 - 1


def varint(number: int) -> bytes:
    r"""Seven bits a byte, low ones first.

    >>> varint(300)
    b'\xac\x02'
    """
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def varints(numbers: Iterable[int]) -> bytes:
    """A column."""
    return b"".join(map(varint, numbers))


def seal(magic: int, body: bytes, compression: int = 0) -> bytes:
    """The body with everything around it, length and checksum right."""
    inner = b"\0" + varint(compression) + body
    whole = struct.pack(">IQ", magic, 0)[:4] + struct.pack("<Q", len(inner) + 16) + inner
    return whole + struct.pack("<I", crc32c(whole))


def frame(content: bytes) -> bytes:
    """A zstd frame whose content is not compressed."""
    blocks = [content[at : at + 2**17] for at in range(0, len(content), 2**17)] or [b""]
    out = b"\x28\xb5\x2f\xfd\x00\x58"
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        out += struct.pack("<I", len(block) << 3 | last)[:3] + block
    return out


def bomb(blocks: int) -> bytes:
    """A zstd frame of 4 bytes for each 128 KiB that it decompresses to."""
    block = struct.pack("<I", 2**17 << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", 1 << 3 | 1 << 1 | 1)[:3] + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x58" + block * blocks + last


def files(paths: list[bytes]) -> bytes:
    """A table of data files without shared prefixes and bases."""
    lengths = [len(path) for path in paths]
    shared = [0] * (len(paths) - 1)
    head = varint(len(paths)) + varints(shared) + varints(lengths)
    return head + varints([0] * len(paths)) + b"".join(paths)


CONFIG = bytes(16) + b"\0" + varint(1024) + varint(100_000_000) + b"\4" + varint(0)


def manifest(path: bytes, length: int, *, offset: int = 0, height: int = 0) -> bytes:
    """A manifest of one version, whose root lies in the file `path`."""
    versions = varint(1) + varint(1) + bytes([height]) + varint(0) + varint(offset)
    versions += varint(length) + varints([1, 1, 0]) + struct.pack("<Q", 1)
    return seal(MANIFEST, CONFIG + files([path]) + versions + varint(0))


def keys(names: list[bytes]) -> tuple[bytes, bytes]:
    """The lengths of keys that share nothing, and the keys."""
    return varints([0] * (len(names) - 1)) + varints(map(len, names)), b"".join(names)


def leaf(entries: dict[bytes, bytes]) -> bytes:
    """A leaf whose values all lie in it."""
    lengths, text = keys(list(entries))
    body = b"\0" + files([b"d/none"]) + varint(len(entries)) + lengths + text
    body += varints(map(len, entries.values())) + bytes(len(entries))
    return seal(NODE, body + b"".join(entries.values()))


def interior(height: int, children: list[tuple[bytes, int, int]], path: bytes = b"d/x") -> bytes:
    """An interior node over children given by key, offset and length, in the file `path`."""
    names = [key for key, _, _ in children]
    lengths, text = keys(names)
    count = len(children)
    body = bytes([height]) + files([path]) + varint(count) + lengths + varints([0] * count) + text
    body += varints([0] * count) + varints(offset for _, offset, _ in children)
    body += varints(length for _, _, length in children) + varints([1] * count * 3)
    return seal(NODE, body)
