"""Damage to the store of a pytree, and to what says how it was written."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import tensorstore as ts

import orbscan
from tests.damage.damages import CM, MANIFEST, SHARDING, Damage, edit, node_file
from tests.hostile.ocdbt import NODE, seal

if TYPE_CHECKING:
    from pathlib import Path

PROCESS = "array_metadatas/process_0"


def database(item: Path) -> ts.KvStore:
    return ts.KvStore.open({"driver": "ocdbt", "base": f"file://{item}/"}).result()


def put(key: str, content: bytes) -> Damage:
    return lambda item: database(item).write(key.encode(), content).result()


def drop(key: str) -> Damage:
    def damage(item: Path) -> None:
        start = key.encode()
        database(item).delete_range(ts.KvStore.KeyRange(start, start + b"\0")).result()

    return damage


def change(key: str, old: bytes, new: bytes) -> Damage:
    """Change a part of a value."""

    def damage(item: Path) -> None:
        content = database(item).read(key.encode()).result().value
        assert old in content
        put(key, content.replace(old, new, 1))(item)

    return damage


def insert(name: str, at: int, more: bytes) -> Damage:
    """Insert bytes into a file."""

    def damage(item: Path) -> None:
        content = (item / name).read_bytes()
        (item / name).write_bytes(content[:at] + more + content[at:])

    return damage


def longer_data_file(item: Path) -> None:
    path = node_file(item)
    path.write_bytes(path.read_bytes() + b"more")


def both(*damages: Damage) -> Damage:
    def damage(item: Path) -> None:
        for each in damages:
            each(item)

    return damage


def small_nodes(item: Path) -> None:
    """Write the database anew, with nodes of a few entries, none of them compressed."""
    rewritten(item, max_decoded_node_bytes=300, compression=None)


def rewritten(item: Path, **config: object) -> None:
    old = database(item)
    entries = {key: old.read(key).result().value for key in old.list().result()}
    copy = item.parent / "copy"
    base = {"driver": "ocdbt", "base": f"file://{copy}/", "config": config}
    store = ts.KvStore.open(base).result()
    with ts.Transaction(atomic=True) as transaction:
        for key, content in entries.items():
            store.with_transaction(transaction)[key] = content
    for name in ("manifest.ocdbt", "d", "ocdbt.process_0"):
        path = item / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for path in copy.iterdir():
        path.rename(item / path.name)
    copy.rmdir()


def damaged_node(item: Path) -> None:
    """Flip a bit of a leaf of the B+tree."""
    magic = NODE.to_bytes(4, "big")
    for path in (item / "d").iterdir():
        content = bytearray(path.read_bytes())
        at = content.find(magic)
        while at >= 0:
            # Magic, length, version and compression come before the height.
            if content[at + 14] == 0:
                content[at + 15] ^= 1
                path.write_bytes(content)
                return
            at = content.find(magic, at + 1)


def other_statistics(item: Path) -> None:
    """Let the manifest say that the root has one key fewer."""
    content = (item / MANIFEST).read_bytes()
    (number,) = (
        found
        for found in orbscan.dump(item / MANIFEST)[0].fields
        if found.name == "numbers of keys"
    )
    assert number.offset is not None
    assert isinstance(number.value, list)
    changed = bytearray(content)
    # Of the newest version; each of these numbers takes a byte.
    changed[number.offset + len(number.value) - 1] -= 1
    (item / MANIFEST).write_bytes(seal(int.from_bytes(content[:4], "big"), bytes(changed[14:-4])))


def deletion(checkpoint: Path) -> None:
    """Leave the record of a deletion of `state` that has begun."""
    before = json.loads((checkpoint / CM).read_text())
    handlers = {name: kind for name, kind in before["item_handlers"].items() if name != "state"}
    record = {
        "operation_id": "0" * 32,
        "checkpointable_name": "state",
        "destination": None,
        "original_metadata": before,
        "updated_metadata": {**before, "item_handlers": handlers},
    }
    (checkpoint / "_CHECKPOINT_DELETION").write_text(json.dumps(record))


def unfinished(checkpoint: Path) -> None:
    (checkpoint / "state").rename(checkpoint / "state.orbax-checkpoint-tmp")


def sharding(**members: object) -> Damage:
    """Change the sharding of `a`."""

    def change(document: dict[str, str]) -> None:
        document["YQ=="] = json.dumps({**json.loads(document["YQ=="]), **members})

    return edit(SHARDING, change)


def entry(**members: object) -> Damage:
    """Change what the process says of an array."""
    return edit(PROCESS, lambda d: d["array_metadatas"][0]["array_metadata"].update(members))


def replaced(name: str, old: str, new: str) -> Damage:
    def damage(item: Path) -> None:
        text = (item / name).read_text()
        assert old in text
        (item / name).write_text(text.replace(old, new, 1))

    return damage
