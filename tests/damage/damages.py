"""What can happen to the files of a checkpoint; each damage is a function of an item directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Damage = Callable[[Path], object]

LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)
CM, TREE, SHARDING, MANIFEST = "_CHECKPOINT_METADATA", "_METADATA", "_sharding", "manifest.ocdbt"


def write(name: str, content: bytes | str) -> Damage:
    data = content.encode() if isinstance(content, str) else content
    return lambda item: (item / name).write_bytes(data)


def cut(name: str, keep: float = 0.5) -> Damage:
    def damage(item: Path) -> None:
        data = (item / name).read_bytes()
        (item / name).write_bytes(data[: int(len(data) * keep)])

    return damage


def append(name: str, more: bytes) -> Damage:
    return lambda item: (item / name).write_bytes((item / name).read_bytes() + more)


def remove(name: str) -> Damage:
    def damage(item: Path) -> None:
        path = item / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def as_directory(name: str) -> Damage:
    def damage(item: Path) -> None:
        (item / name).unlink(missing_ok=True)
        (item / name).mkdir()

    return damage


def edit(name: str, change: Callable[[Any], object]) -> Damage:
    """Changes a JSON document in place."""

    def damage(item: Path) -> None:
        document = json.loads((item / name).read_text())
        change(document)
        (item / name).write_text(json.dumps(document))

    return damage


def entry(name: str, change: Callable[[Any], object]) -> Damage:
    """Changes one entry of `_METADATA`."""
    return edit(TREE, lambda document: change(document["tree_metadata"][name]))


def value(name: str, **members: object) -> Damage:
    """Changes what `_METADATA` says of one leaf."""
    return entry(name, lambda found: found["value_metadata"].update(members))


def key_type(name: str, place: int, kind: int) -> Damage:
    """Changes the type of one key of an entry."""
    return entry(name, lambda found: found["key_metadata"][place].update(key_type=kind))


def every_sharding(text: str) -> Damage:
    """Puts the same text into every entry of `_sharding`."""
    return edit(SHARDING, lambda document: document.update(dict.fromkeys(document, text)))


def node_file(item: Path) -> Path:
    (path,) = (item / "d").iterdir()
    return path


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)
