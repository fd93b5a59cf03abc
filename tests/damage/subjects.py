"""The checkpoints that the campaign damages: small, real, one of each layout.

Most are golden checkpoints. What Orbax does not write is made from them: a database of several
levels and without compression (so that its fields can be changed one by one), one whose state is
in numbered manifests, and a safetensors file.
"""

from __future__ import annotations

import json
import shutil
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import tensorstore as ts

from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Subject:
    """One checkpoint and the question about it.

    Attributes:
        name: what the tables call it.
        root: its path.
        function: `metadata` or `checkpointables_metadata`.
        rich_types: whether the recorded containers are asked for.
        item: the item asked for by name, if one is.
    """

    name: str
    root: Path
    function: str = "metadata"
    rich_types: bool = False
    item: str | None = None

    def ask(self, library: Any) -> Any:
        """The answer of a library with orbscan's interface, or the exception."""
        function: Callable[..., Any] = getattr(library, self.function)
        arguments = [str(self.root)] if self.item is None else [str(self.root), self.item]
        return function(*arguments, rich_types=True) if self.rich_types else function(*arguments)

    def at(self, root: Path) -> Subject:
        """The same question about a copy."""
        return replace(self, root=root)


# What the tables call it; the case; the folder in it; the question.
_ALL, _RICH = {"function": "checkpointables_metadata"}, {"rich_types": True}
_GOLDEN: list[tuple[str, str, str, dict[str, Any]]] = [
    ("v1", "o0.12.8-v1", "ckpt", {}),
    ("v1, all items", "o0.12.8-v1-checkpointables", "all", _ALL),
    ("v1, rich types", "o0.12.8-v1-rich-types", "empties", _RICH),
    ("v1, keys", "o0.12.8-v1-typed-keys", "ckpt", {}),
    ("v0 items", "o0.12.8-composite", "ckpt", {"item": "pytree"}),
    ("v0 items, all", "o0.5.10-composite", "ckpt", _ALL),
    ("manager step", "o0.12.8-manager", "run/0", {}),
    ("flat", "o0.12.8-flat", "ckpt", {}),
    ("flat, sharded", "o0.11.36-sharded", "ckpt", {}),
    ("flat, 0.5.10", "o0.5.10-flat", "ckpt", {}),
    ("zarr2 files", "o0.12.8-no-ocdbt", "ckpt", {}),
    ("zarr3 files", "o0.12.8-zarr3-no-ocdbt", "ckpt", {}),
    ("unmerged", "o0.5.10-unmerged", "ckpt", {}),
    ("aggregate", "o0.3.5-aggregate", "all", {}),
    ("aggregate and arrays", "o0.4.8-aggregate", "some", {}),
    ("being deleted", "o0.12.8-damaged-v1-deletion", "whole", {"item": "state"}),
]

_PLAIN_NODES: dict[str, dict[str, object]] = {
    "plain nodes": {"compression": None},
    "tall tree": {
        "compression": None,
        "max_decoded_node_bytes": 400,
        "max_inline_value_bytes": 150,
    },
    "numbered manifests": {"manifest_kind": "numbered"},
}


def make(folder: Path) -> list[Subject]:
    """Puts all subjects below `folder`."""
    subjects = []
    for name, case, path, question in _GOLDEN:
        target = folder / name.replace(" ", "-").replace(",", "")
        unpacked = folder / "unpacked"
        corpus.unpack(corpus.GOLDEN / "corpus" / f"{case}.tar.gz", unpacked)
        shutil.move(unpacked / case / path, target)
        shutil.rmtree(unpacked)
        subjects.append(Subject(name, target, **question))
    flat = next(subject.root for subject in subjects if subject.name == "flat")
    for name, config in _PLAIN_NODES.items():
        target = folder / name.replace(" ", "-")
        shutil.copytree(flat, target)
        rewrite_database(target, config)
        subjects.append(Subject(name, target))
    tensors = folder / "safetensors"
    tensors.mkdir()
    (tensors / "model.safetensors").write_bytes(_safetensors())
    subjects.append(Subject("safetensors", tensors))
    return subjects


def rewrite_database(item: Path, config: Mapping[str, object]) -> None:
    """Lets TensorStore write the same entries again, as `config` says."""
    spec = {"driver": "ocdbt", "base": f"file://{item}/"}
    store = ts.KvStore.open(spec).result()
    entries = {key: bytes(store[key]) for key in store.list().result()}
    for path in (item / "d", item / "ocdbt.process_0"):
        shutil.rmtree(path, ignore_errors=True)
    (item / "manifest.ocdbt").unlink()
    # A context of its own, or the old state would be found in its cache.
    new = ts.KvStore.open({**spec, "config": dict(config)}, context=ts.Context()).result()
    with ts.Transaction(atomic=True) as transaction:
        for key, value in entries.items():
            new.with_transaction(transaction)[key] = value


def _safetensors() -> bytes:
    header = json.dumps(
        {
            "__metadata__": {"format": "np"},
            "b.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            "a": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]},
            "half": {"dtype": "BF16", "shape": [7], "data_offsets": [32, 46]},
        }
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(46)
