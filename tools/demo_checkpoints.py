"""Writes `python/orbscan/cli/demo.tar.gz`: the checkpoints that `orbscan demo` unpacks.

    python -m tools.demo_checkpoints [--archive FILE]

Orbax writes them, and the damaged ones are damaged afterwards. Only the times and the names that
the store generates for its files differ from one run to the next.
"""

import argparse
import gzip
import io
import json
import logging
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benches import side_by_side
from tools.progress import long_step

ROOT = Path(__file__).parents[1]
ARCHIVE = ROOT / "python" / "orbscan" / "cli" / "demo.tar.gz"
TWO_HOSTS = ROOT / "tests" / "checking" / "local-of-two-hosts.tar.gz"
"""What two processes have written; two must run at a time to write it."""

STEPS = {
    1000: (0.912, 0.31),
    1100: (0.254, 0.62),
    1200: (0.198, 0.71),
    1300: (0.141, 0.78),
    1400: (0.133, 0.81),
    1500: (0.137, 0.82),
}
"""The loss and the accuracy of each step of a run."""

LAYERS = 6
WIDTH = 128
VOCABULARY = 512


def main() -> int:
    """Writes the archive."""
    parser = argparse.ArgumentParser(
        prog="tools.demo_checkpoints", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--archive", type=Path, default=ARCHIVE)
    options = parser.parse_args()
    side_by_side.use_virtual_devices()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, long_step("Orbax writes the checkpoints"):
        root = Path(folder, "demo")
        write(root)
        options.archive.write_bytes(archive(root))
    print(f"wrote {options.archive}, {options.archive.stat().st_size:,} bytes")
    return 0


def write(root: Path) -> None:
    """Writes all checkpoints into a new directory."""
    with tempfile.TemporaryDirectory() as folder:
        # The first save of a process takes many times as long as the others.
        save(Path(folder, "first"), {"state": {"w": laid((8, 8), "data")}})
    write_composite(root / "composite")
    write_run(root / "runs" / "base", width=8, steps=STEPS)
    unfinished(root / "runs" / "base", 1600)
    write_run(root / "runs" / "wide", width=16, steps=dict(list(STEPS.items())[:3]))
    cut(root / "runs" / "wide" / "1100" / "default" / "_METADATA", 100)
    write_copied(root / "copied")
    write_models(root / "models")
    write_damaged(root / "damaged")
    with tarfile.open(TWO_HOSTS) as hosts:
        hosts.extractall(root, filter="data")
    (root / "local-of-two-hosts").rename(root / "hosts")
    forget_place(root)


def write_composite(path: Path) -> None:
    """A transformer with the state of its optimizer and a PRNG key; and its configuration."""
    import jax
    import numpy as np
    import optax

    inward, outward = ("data", "model"), ("model", "data")

    def layer() -> dict[str, object]:
        return {
            "attention": {
                **{name: laid((WIDTH, WIDTH), *inward) for name in ("key", "query", "value")},
                "out": laid((WIDTH, WIDTH), *outward),
            },
            "mlp": {
                "up": laid((WIDTH, 4 * WIDTH), *inward),
                "down": laid((4 * WIDTH, WIDTH), *outward),
            },
            "norm": {"scale": laid((WIDTH,), None)},
        }

    params = {
        "embedding": laid((VOCABULARY, WIDTH), *outward),
        "layers": [layer() for _ in range(LAYERS)],
        "norm": {"scale": laid((WIDTH,), None)},
    }
    state = {
        "params": params,
        "opt_state": optax.adamw(3e-4).init(params),
        "rng": jax.random.key(0),
        "step": np.asarray(1500),
    }
    config = {"layers": LAYERS, "optimizer": {"name": "adamw", "rate": 3e-4}}
    save(
        path,
        {"state": state, "config": config},
        documents=("config",),
        custom={"git": "2f1c0de", "preempted": False},
    )


def write_run(path: Path, *, width: int, steps: Mapping[int, tuple[float, float]]) -> None:
    """The steps of a `CheckpointManager`, with metrics."""
    import orbax.checkpoint as ocp

    # Only a manager with a best_fn stores the metrics.
    options = ocp.CheckpointManagerOptions(best_fn=lambda found: found["loss"], best_mode="min")
    owner = {"owner": "vision"}
    with ocp.CheckpointManager(path, options=options, metadata=owner) as manager:
        for step, (loss, accuracy) in steps.items():
            metrics: dict[str, Any] = {"loss": loss, "accuracy": accuracy}
            if width != 8:  # noqa: PLR2004 - that of the other run
                metrics = {"loss": loss, "eval": {"loss": round(2 * loss, 3), "top5": accuracy}}
            saved = ocp.args.StandardSave(small_state(step, width))
            manager.save(step, args=saved, metrics=metrics)
        manager.wait_until_finished()


def small_state(step: int, width: int) -> dict[str, object]:
    """A model whose embedding is frozen and whose kernels move a little with each step."""
    import numpy as np

    def kernel(*shape: int) -> object:
        first = uneven(shape, 8)
        return laid(first + np.float32((step - 1000) / 6400) * np.sign(first), "data", "model")

    return {
        "params": {
            "embedding": laid(uneven((64, width), 8), "data", "model"),
            "head": kernel(width, 64),
            "layers": [
                {"bias": laid((4 * width,), "model"), "kernel": kernel(width, 4 * width)}
                for _ in range(2)
            ],
        },
        "step": np.asarray(step),
    }


def unfinished(root: Path, step: int) -> None:
    """The directory of a save that was killed before its trees were written."""
    newest = max(root.glob("[0-9]*"), key=lambda found: int(found.name))
    path = root / f"{step}.orbax-checkpoint-tmp"
    shutil.copytree(newest, path)
    file = path / "_CHECKPOINT_METADATA"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**told, "commit_timestamp_nsecs": None}), encoding="utf-8")
    shutil.rmtree(path / "metrics")
    for name in ("_METADATA", "_sharding", "manifest.ocdbt"):
        (path / "default" / name).unlink()


def write_copied(root: Path) -> None:
    """An interrupted copy of a run: its last step is only a directory."""
    import numpy as np
    import orbax.checkpoint as ocp

    with ocp.CheckpointManager(root) as manager:
        for step in (10, 20):
            manager.save(step, args=ocp.args.StandardSave({"w": np.zeros((8, 8), np.float32)}))
        manager.wait_until_finished()
    (root / "30").mkdir()


def write_models(root: Path) -> None:
    """A model before and after a change, each with several checkpointables."""
    import numpy as np

    def layer() -> dict[str, object]:
        return {"kernel": laid((16, 16), "data", "model"), "bias": laid((16,), None)}

    layers = {f"layers_{number}": layer() for number in range(12)}
    blocks = {f"blocks_{number}": layer() for number in range(12)}
    before = {"embedding": laid((512, 64), "data", "model"), **layers}
    after = {
        "embedding": laid((640, 64), "data", "model").astype("bfloat16"),
        "head": laid((16,), None),
        **blocks,
    }
    one, two = np.asarray(1.0), np.asarray(2.0)
    shared: dict[str, object] = {"opt_state": {"count": np.asarray(1)}}
    data = {"path": "data/train", "seed": 7}
    save(
        root / "before",
        {**shared, "params": before, "schedule": {"s": [one, two]}, "dataset": data},
        documents=("dataset",),
    )
    save(
        root / "after",
        {
            **shared,
            "params": after,
            "schedule": {"s": {"0": one, "1": two}},
            "ema": {"decay": np.asarray(0.5)},
        },
    )


def write_damaged(root: Path) -> None:
    """A checkpoint, and damaged copies of it."""
    # Data that compresses well lies in the index of the store, and not in a data file.
    half = uneven((64, 128), 24)
    half[:32] = 0
    state = {
        "params": {
            "embedding": laid((256, 64), "data", "model"),
            "layers": [
                {"bias": laid((128,), "model"), "kernel": laid(values, "data", "model")}
                for values in ((64, 128), half)
            ],
        },
        "step": 1000,
    }
    save(root / "none", {"state": state})

    shutil.copytree(root / "none", root / "cut")
    data = [file for file in (root / "cut").rglob("ocdbt.process_*/d/*") if file.is_file()]
    largest = max(data, key=lambda file: file.stat().st_size)
    cut(largest, largest.stat().st_size - 1500)

    shutil.copytree(root / "none", root / "unsharded")
    cut(root / "unsharded" / "state" / "_sharding", 0)

    save(root / "lost", {"state": state}, ocdbt=False)
    (root / "lost" / "state" / "params.layers.1.kernel" / "c" / "2" / "1").unlink()


def save(
    path: Path,
    checkpointables: dict[str, object],
    *,
    documents: tuple[str, ...] = (),
    custom: dict[str, object] | None = None,
    ocdbt: bool = True,
) -> None:
    """Saves checkpointables; those that are named in `documents` as JSON."""
    import orbax.checkpoint.experimental.v1 as ocp

    # By default, Orbax would store a dict of numbers and strings as a pytree.
    registry = ocp.handlers.local_registry()
    for name in documents:
        registry.add(ocp.handlers.JsonHandler, checkpointable_name=name)
    array = ocp.options.ArrayOptions(saving=ocp.options.ArrayOptions.Saving(use_ocdbt=ocdbt))
    options = ocp.options.CheckpointablesOptions(registry=registry)
    with ocp.Context(checkpointables_options=options, array_options=array):
        ocp.save_checkpointables(path, checkpointables, custom_metadata=custom)


def laid(what: Any, *spec: str | None) -> Any:
    """An array over a mesh of 4 by 2 devices: zeros with a shape, or given values."""
    import jax
    import numpy as np

    mesh = jax.make_mesh((4, 2), ("data", "model"))
    values = np.zeros(what, np.float32) if isinstance(what, tuple) else what
    return jax.device_put(values, jax.NamedSharding(mesh, jax.P(*spec)))


def uneven(shape: tuple[int, ...], most: int) -> Any:
    """Values between -1 and 1 in this many steps each way: the more, the less they compress."""
    import numpy as np

    drawn = np.random.default_rng(shape).integers(-most, most + 1, shape)
    return (drawn / most).astype(np.float32)


def cut(file: Path, length: int) -> None:
    """Cuts a file to a length."""
    os.truncate(file, length)


def forget_place(root: Path) -> None:
    """Removes from the checkpoints the path at which they were written."""
    for file in root.rglob("commit_success.txt"):
        text = file.read_text(encoding="utf-8")
        text = re.sub("/.*/local-of-two-hosts", "demo/hosts", text.replace(str(root), "demo"))
        file.write_text(text, encoding="utf-8")


def archive(root: Path) -> bytes:
    """An archive of a directory, without times and owners; of several equal files it has one."""
    packed = io.BytesIO()
    known: dict[bytes, str] = {}

    # Files of equal size are mostly similar, and compress best side by side.
    def order(path: Path) -> tuple[bool, int, str]:
        return path.is_file(), path.is_file() * path.stat().st_size, path.as_posix()

    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(root.rglob("*"), key=order):
            member = tarfile.TarInfo(path.relative_to(root).as_posix())
            if path.is_dir():
                member.type = tarfile.DIRTYPE
                tar.addfile(member)
                continue
            content = path.read_bytes()
            if content and content in known:
                member.type, member.linkname = tarfile.LNKTYPE, known[content]
                tar.addfile(member)
                continue
            known[content] = member.name
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), mtime=0)


if __name__ == "__main__":
    sys.exit(main())
