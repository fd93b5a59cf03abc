"""Checkpoints as releases before 0.5.16 left them, with the msgpack file `checkpoint`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np

from tests.checking import store_damages
from tests.damage import damages

if TYPE_CHECKING:
    from pathlib import Path


def ndarray(array: np.ndarray[Any, Any]) -> msgpack.ExtType:
    """An array as flax packs it."""
    packed = msgpack.packb((array.shape, array.dtype.name, array.tobytes("C")))
    return msgpack.ExtType(1, packed)


N = ndarray(np.arange(6.0))


def tree(item: Path) -> None:
    """Leaves a tree in the msgpack file, as before 0.4.3, and nothing else."""
    for child in item.iterdir():
        shutil.rmtree(child) if child.is_dir() else child.unlink()
    a = ndarray(np.arange(32, dtype=np.float32).reshape(8, 4) + 1)
    values = {"a": a, "k": 3, "n": N, "s": "text"}
    (item / "checkpoint").write_bytes(msgpack.packb(values))


def value_of_n(item: Path) -> None:
    """Puts the value of the leaf `n` into the msgpack file, and nowhere else."""
    for key in ("n/.zarray", "n/0"):
        store_damages.drop(key)(item)
    placeholders = {name: f"PLACEHOLDER://{name}" for name in "aks"}
    (item / "checkpoint").write_bytes(msgpack.packb({**placeholders, "n": N}))
    damages.value("('n',)", skip_deserialize=True)(item)
