"""Saves that were killed, folders that people moved, and whole checkpoints with one thing broken.

Each kind copies one whole checkpoint several times and changes each copy in its own way, which
is also the name of the copy.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.golden import killed, kinds

# Breaks something in a folder.
Change = Callable[[Path], object]


def _truncate(name: str, *, keep: float = 0.6) -> Change:
    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * keep)])

    return change


def _flip(name: str, *, at: float = 0.5) -> Change:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[int(len(content) * at)] ^= 0x10
        (folder / name).write_bytes(content)

    return change


def _write(name: str, content: bytes | str) -> Change:
    encoded = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(encoded)


def _remove(*names: str) -> Change:
    def change(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def _make_folder(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir()

    return change


def _edit(name: str, edit: Callable[[Any], object]) -> Change:
    """Changes a JSON document in place."""

    def change(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        edit(document)
        (folder / name).write_text(json.dumps(document))

    return change


def _each_node(edit: Callable[[Path], Change]) -> Change:
    """Applies a change to the data files of the merged database."""

    def change(folder: Path) -> None:
        for node in (folder / "d").iterdir():
            edit(node)(folder)

    return change


def _entry(document: Any, place: int = 0) -> Any:
    return list(document["tree_metadata"].values())[place]


def _set_value(member: str, *, value: object) -> Change:
    return _edit("_METADATA", lambda doc: _entry(doc)["value_metadata"].update({member: value}))


def _set_key(member: str, *, value: object) -> Change:
    return _edit("_METADATA", lambda doc: _entry(doc)["key_metadata"][0].update({member: value}))


def _renamed_entry(document: Any) -> None:
    """Turns the first dict key of the first leaf into a list index: siblings no longer agree."""
    _entry(document)["key_metadata"][0].update({"key": "0", "key_type": 1})


_METADATA: dict[str, Change] = {
    "missing": _remove("_METADATA"),
    "empty": _write("_METADATA", ""),
    "cut": _truncate("_METADATA"),
    "folder": _make_folder("_METADATA"),
    "list": _write("_METADATA", "[1]"),
    "not_utf8": _write("_METADATA", b'{"tree_metadata": "\xff"}'),
    "no_members": _write("_METADATA", "{}"),
    "no_leaves": _edit("_METADATA", lambda doc: doc["tree_metadata"].clear()),
    "leaf_gone": _edit("_METADATA", lambda doc: doc["tree_metadata"].popitem()),
    "bad_key_type": _set_key("key_type", value=9),
    "number_as_key": _set_key("key", value=5),
    "mixed_key_types": _edit("_METADATA", _renamed_entry),
    "unknown_value_type": _set_value("value_type", value="quaternion"),
    "skipped_array": _set_value("skip_deserialize", value=True),
    "null_write_shape": _set_value("write_shape", value=None),
    "no_value": _edit("_METADATA", lambda doc: _entry(doc).pop("value_metadata")),
    "other_zarr": _edit("_METADATA", lambda doc: doc.update(use_zarr3=not doc.get("use_zarr3"))),
    "other_storage": _edit("_METADATA", lambda doc: doc.update(use_ocdbt=False)),
    "extra_members": _edit("_METADATA", lambda doc: doc.update(later={"x": 1})),
}

_SHARDING: dict[str, Change] = {
    "missing": _remove("_sharding"),
    "empty": _write("_sharding", ""),
    "cut": _truncate("_sharding"),
    "no_members": _write("_sharding", "{}"),
    "unknown_type": _edit(
        "_sharding", lambda doc: doc.update(dict.fromkeys(doc, '{"sharding_type": "Spiral"}'))
    ),
    "not_json_within": _edit("_sharding", lambda doc: doc.update(dict.fromkeys(doc, "x"))),
}

_STORE: dict[str, Change] = {
    "no_manifest": _remove("manifest.ocdbt"),
    "empty_manifest": _write("manifest.ocdbt", ""),
    "cut_manifest": _truncate("manifest.ocdbt"),
    "flipped_manifest": _flip("manifest.ocdbt"),
    "longer_manifest": lambda folder: (folder / "manifest.ocdbt").open("ab").write(b"\0"),
    "no_nodes": _remove("d"),
    "cut_nodes": _each_node(lambda node: _truncate(f"d/{node.name}")),
    "flipped_nodes": _each_node(lambda node: _flip(f"d/{node.name}", at=0.7)),
    "unmerged": _remove("manifest.ocdbt", "d"),
    "no_processes": _remove("ocdbt.process_0"),
}

_CHECKPOINT_METADATA: dict[str, Change] = {
    "missing": _remove("_CHECKPOINT_METADATA"),
    "empty": _write("_CHECKPOINT_METADATA", ""),
    "cut": _truncate("_CHECKPOINT_METADATA"),
    "folder": _make_folder("_CHECKPOINT_METADATA"),
    "list": _write("_CHECKPOINT_METADATA", "[1]"),
    "empty_list": _write("_CHECKPOINT_METADATA", "[]"),
    "text_as_time": _edit(
        "_CHECKPOINT_METADATA", lambda doc: doc.update(init_timestamp_nsecs="yesterday")
    ),
    "no_times": _edit(
        "_CHECKPOINT_METADATA",
        lambda doc: doc.update(init_timestamp_nsecs=None, commit_timestamp_nsecs=None),
    ),
    "number_as_handlers": _edit("_CHECKPOINT_METADATA", lambda doc: doc.update(item_handlers=1)),
    "unknown_handlers": _edit(
        "_CHECKPOINT_METADATA",
        lambda doc: doc.update(item_handlers=dict.fromkeys(("params", "state"), "a.b.Handler")),
    ),
    "no_handlers": _edit("_CHECKPOINT_METADATA", lambda doc: doc.pop("item_handlers", None)),
    "text_as_custom": _edit("_CHECKPOINT_METADATA", lambda doc: doc.update(custom_metadata="x")),
    "odd_custom": _write(
        "_CHECKPOINT_METADATA", '{"custom_metadata": {"n": NaN, "i": -Infinity, "s": "\\ud800"}}'
    ),
    "extra_members": _edit("_CHECKPOINT_METADATA", lambda doc: doc.update(later={"x": 1})),
}


def _add_stray_things(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / ".hidden").mkdir()
    (folder / "logs").mkdir()


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _set_marker(folder: Path) -> None:
    (folder / "orbax.checkpoint").touch()


def _drop_marker(folder: Path) -> None:
    (folder / "orbax.checkpoint").unlink(missing_ok=True)


_ROOT: dict[str, Change] = {
    "no_marker": _drop_marker,
    "added_marker": _set_marker,
    "stray_things": _add_stray_things,
    "tree_within": lambda folder: shutil.copytree(_item_of(folder), folder / "backup"),
    "empty": _empty,
    "x.orbax-checkpoint-tmp": lambda _: None,
    "metrics": lambda _: None,
    "state": lambda _: None,
}


def _item_of(folder: Path) -> Path:
    """The folder that holds the tree: the first item's, or the checkpoint itself if it is flat."""
    items = sorted(path.parent for path in folder.glob("*/_METADATA"))
    return items[0] if items else folder


def _whole(kind: str, within: str) -> Callable[[Path], None]:
    """Writes one whole checkpoint, taken out of what a kind writes."""

    def write(path: Path) -> None:
        with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            kinds.every_kind()[kind](Path(scratch))
            shutil.copytree(Path(scratch, within), path)

    return write


_BASES = {
    "flat": _whole("flat", "ckpt"),
    "step": _whole("manager", "run/10"),
    "v1": _whole("v1", "ckpt"),
}


def _damaged(base: str, changes: dict[str, Change], *, in_item: bool) -> Callable[[Path], None]:
    """A kind: one copy of the base for each change, made in the checkpoint or in its first item."""

    def write(into: Path) -> None:
        with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
            whole = Path(scratch, "whole")
            _BASES[base](whole)
            for name, change in changes.items():
                copy = shutil.copytree(whole, into / name)
                change(_item_of(copy) if in_item else copy)

    return write


def _killed(kind: str, moment: str) -> Callable[[Path], None]:
    """A kind: what another one leaves behind when it dies at that moment."""

    def write(into: Path) -> None:
        command = [sys.executable, "-m", killed.__name__, kind, str(into), moment]
        process = subprocess.run(command, check=False, capture_output=True)  # noqa: S603  ours
        if process.returncode != killed.EXIT_CODE:
            message = f"{kind} ended with {process.returncode}, not at {moment}"
            raise RuntimeError(message)

    return write


def _deletions(into: Path) -> None:
    """A V1 checkpoint whose item is being deleted, by records whole and broken (0.12.8)."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        kinds.every_kind()["v1-checkpointables"](Path(scratch))
        for name, text in _deletion_records(Path(scratch, "all")).items():
            copy = shutil.copytree(Path(scratch, "all"), into / name)
            (copy / "_CHECKPOINT_DELETION").write_text(text)


def _deletion_records(checkpoint: Path) -> dict[str, str]:
    original = json.loads((checkpoint / "_CHECKPOINT_METADATA").read_text())
    updated = json.loads((checkpoint / "_CHECKPOINT_METADATA").read_text())
    del updated["item_handlers"]["pytree"]
    record = {
        "operation_id": "0123456789abcdef" * 2,
        "checkpointable_name": "pytree",
        "destination": None,
        "original_metadata": original,
        "updated_metadata": updated,
    }
    return {
        "whole": json.dumps(record),
        "empty": "",
        "short_id": json.dumps(record | {"operation_id": "1"}),
        "other_metadata": json.dumps(record | {"updated_metadata": original}),
        "no_name": json.dumps({key: record[key] for key in record if "name" not in key}),
    }


# Which event kills, and what the name of the file in question must match.
_RENAME = r"os.rename:\.orbax-checkpoint-tmp"
_TREE_METADATA = "open:^_METADATA"

_GROUPS = {
    "metadata": _METADATA,
    "sharding": _SHARDING,
    "store": _STORE,
    "checkpoint-metadata": _CHECKPOINT_METADATA,
    "root": _ROOT,
}
_GROUPS_OF_THE_ITEM = ("metadata", "sharding", "store")

KINDS: dict[str, kinds.Kind] = {
    "killed-flat-early": _killed("flat", _TREE_METADATA),
    "killed-flat": _killed("flat", _RENAME),
    "killed-manager": _killed("manager-default", _RENAME),
    "killed-v1-early": _killed("v1", _TREE_METADATA),
    "killed-v1": _killed("v1", _RENAME),
    "damaged-v1-deletion": _deletions,
} | {
    f"damaged-{base}-{group}": _damaged(base, changes, in_item=group in _GROUPS_OF_THE_ITEM)
    for base in _BASES
    for group, changes in _GROUPS.items()
}
