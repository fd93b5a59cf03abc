"""Restores damaged checkpoints with Orbax, for `truth`; a program, since much of it fails.

    python -m tests.damage.restores make FOLDER
    python -m tests.damage.restores try FOLDER BASE WORK SEED COUNT

The second writes two lines of JSON for each damage: the damage, and what came of it.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

import jax
import numpy as np
import orbax.checkpoint as v0
from jax.sharding import NamedSharding, PartitionSpec
from orbax.checkpoint.experimental import v1

import orbscan
from orbscan.checking.findings import Restores, worst
from tests.damage.cases import (
    Case,
    Files,
    flipped,
    is_json,
    json_changes,
    nodes,
    read_files,
    replacements,
    resealed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UNREAD = ("orbax.checkpoint", "commit_success.txt")
"""Files whose content nobody reads."""


def tree() -> dict[str, Any]:
    """Arrays over several devices, on one, of numpy, a text, and scalars."""
    mesh = jax.make_mesh((4, 2), ("x", "y"))
    sharded = NamedSharding(mesh, PartitionSpec("x", "y"))
    return {
        "w": jax.device_put(np.arange(64, dtype=np.float32).reshape(8, 8) + 1, sharded),
        "b": jax.device_put(np.arange(6, dtype=np.int32) + 1, jax.devices()[0]),
        "n": np.arange(5.0) + 1,
        "t": {"s": "text", "k": 3, "e": {}},
    }


def make(root: Path) -> None:
    """Writes the checkpoints."""
    root.mkdir()
    v1.save(root / "v1", tree())
    saving = v1.options.ArrayOptions.Saving
    for name, options in {
        "v1-files": saving(use_ocdbt=False),
        "v1-zarr2": saving(use_zarr3=False),
        "v1-chunks": saving(use_zarr3=True, use_ocdbt=False, storage_options=_chunked()),
    }.items():
        with v1.Context(array_options=v1.options.ArrayOptions(saving=options)):
            v1.save(root / name, tree())
    v1.save(root / "v1-keys", {"key": jax.random.key(0), **tree()})
    for name, options in {"flat": {}, "flat-files": {"use_ocdbt": False}}.items():
        with v0.Checkpointer(v0.PyTreeCheckpointHandler(**options)) as checkpointer:
            checkpointer.save(root / name, args=v0.args.PyTreeSave(tree()))


def _chunked() -> Any:
    return v1.options.ArrayOptions.Saving.StorageOptions(
        chunk_byte_size=16,
        shard_axes=(),
    )


def item_of(path: Path) -> Path:
    """Where the pytree lies."""
    inner = [child for child in ("state", "pytree") if (path / child).is_dir()]
    return path / inner[0] if inner else path


def restore_v0(path: Path, _: Any) -> Any:
    """Restores with the interface of v0, without a target."""
    return v0.Checkpointer(v0.PyTreeCheckpointHandler()).restore(item_of(path))


HOW: dict[str, Callable[[Path, Any], Any]] = {
    "v1": lambda path, _: v1.load(path),
    "v1 with a target": v1.load,
    "v0": restore_v0,
}
"""The ways of a restore, in the order of `orbscan.checking.findings.Restores`."""


def target_of(restored: Any) -> Any:
    """What to ask for to get the same again."""

    def wanted(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array):
            return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding)
        return leaf

    return jax.tree.map(wanted, restored)


def is_same(left: Any, right: Any) -> bool:
    """Whether two trees have the same structure, types of leaves and values."""

    def plain(leaf: Any) -> Any:
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return str(leaf.dtype), np.asarray(jax.random.key_data(leaf)).tolist()
        array = np.asarray(leaf)
        return array.dtype, array.shape, array.tolist()

    structures: tuple[Any, Any] = (jax.tree.structure(left), jax.tree.structure(right))
    if structures[0] != structures[1]:
        return False
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return all(plain(one) == plain(other) for one, other in pairs)


def draw(files: Files, others: list[Files], rng: random.Random) -> Case:
    """Any damage."""
    while True:
        path = rng.choice([path for path in files if Path(path).name not in UNREAD])
        content = files[path]
        kind = rng.choice(list(_DRAWS))
        found = _DRAWS[kind](path, content, others, rng)
        if found is not None:
            place, changed = found
            return Case(kind, path, place, {path: changed})


Drawn = tuple[str, bytes | None] | None


def _removed(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, content, others, rng
    return "", None


def _emptied(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, others, rng
    return ("", b"") if content else None


def _cut(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, others
    if len(content) < 2:
        return None
    length = rng.randrange(1, len(content))
    return f"after {length}", content[:length]


def _longer(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, others
    at, more = rng.randrange(len(content) + 1), rng.randbytes(rng.choice([1, 4, 30]))
    return f"{len(more)} more at {at}", content[:at] + more + content[at:]


def _bit(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, others
    if not content:
        return None
    bit = rng.randrange(len(content) * 8)
    return f"bit {bit % 8} of byte {bit // 8}", flipped(content, bit)


def _json(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del others
    changes = list(json_changes(path, content)) if is_json(path) else []
    if not changes:
        return None
    _, place, text = rng.choice(changes)
    return place, text


def _replaced(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    found = list(replacements(path, content, others))
    return rng.choice(found) if found else None


def _resealed(path: str, content: bytes, others: list[Files], rng: random.Random) -> Drawn:
    del path, others
    found = list(resealed(content)) if nodes(content) else []
    if not found:
        return None
    bit, changed = rng.choice(found)
    return f"bit {bit % 8} of byte {bit // 8}", changed


_DRAWS: dict[str, Callable[[str, bytes, list[Files], random.Random], Drawn]] = {
    "file removed": _removed,
    "file emptied": _emptied,
    "file cut off": _cut,
    "bytes inserted": _longer,
    "bit flipped": _bit,
    "JSON changed": _json,
    "file of another checkpoint": _replaced,
    "bit flipped, checksum made right": _resealed,
}


def is_data(case: str) -> bool:
    """Whether a damage, in words, is one of a file that holds values."""
    name = case.split(" ", 1)[0]
    return not is_json(name) and Path(name).name not in {"manifest.ocdbt", *UNREAD}


def outcome(path: Path, whole: Any, target: Any) -> dict[str, Any]:
    """What verify says of a damaged checkpoint, and what restores make of it."""
    # What is said of other checkpointables is not about these restores.
    names = {None, *({item_of(path).name} if item_of(path) != path else ())}
    try:
        report = orbscan.verify(path, level="data")
        findings = [(finding.severity, finding.code) for finding in report.findings]
        own = (finding for finding in report.findings if finding.checkpointable in names)
        told = worst(finding.restores for finding in own)
    except orbscan.OrbscanError as error:
        findings = [("error", f"refused: {error.kind}")]
        told = Restores("fails", "fails", "fails")
    restored = {}
    for how, restore in HOW.items():
        try:
            restored[how] = "right" if is_same(restore(path, target), whole[how]) else "other"
        except Exception as error:  # noqa: BLE001  whatever Orbax raises is the answer
            while error.__cause__ is not None and isinstance(error.__cause__, Exception):
                error = error.__cause__
            restored[how] = f"fails: {type(error).__name__}: {str(error)[:150]}"
    return {"restored": restored, "findings": findings, "told": dict(zip(HOW, told, strict=True))}


def attempt(bases: Path, base: str, work: Path, seed: int, count: int) -> None:
    """Tries that many damages."""
    all_files = {path.name: read_files(path) for path in sorted(bases.iterdir())}
    files = all_files[base]
    others = [other for name, other in all_files.items() if name != base]
    rng = random.Random(f"{base} {seed}")  # noqa: S311  no secrets
    whole: dict[str, Any] = {"v1": v1.load(bases / base)}
    target = target_of(whole["v1"])
    whole["v1 with a target"] = whole["v1"]
    whole["v0"] = restore_v0(bases / base, None)
    for number in range(count):
        case = draw(files, others, rng)
        words = f"{case.file} {case.place}"
        told = {"number": f"{seed} {number}", "kind": case.kind, "case": words}
        print(json.dumps(told), flush=True)
        path = work / str(number) / base
        shutil.copytree(bases / base, path)
        for name, content in case.changes.items():
            if content is None:
                (path / name).unlink()
            else:
                (path / name).write_bytes(content)
        print(json.dumps({**told, **outcome(path, whole, target)}), flush=True)
        shutil.rmtree(path.parent)


def main(words: list[str]) -> None:
    """Does what the words say."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    if words[0] == "make":
        make(Path(words[1]))
    else:
        attempt(Path(words[1]), words[2], Path(words[3]), int(words[4]), int(words[5]))
    sys.stdout.flush()
    # Threads and loops of Orbax may never end.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
