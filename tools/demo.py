"""Lets Orbax write real checkpoints, shows the tool on them, and times both libraries.

    python -m tools.demo [--checkpoints DIR] [--seconds S]

The checkpoints stay in the folder and are used again by the next run.
"""

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benches import side_by_side
from tools.progress import long_step

LINES_SHOWN = 16
TIMED = 3
"""The number of examples that are timed; the last example only serves for comparisons."""
LAYERS = 4
WIDTH = 128
VOCABULARY = 512


@dataclass(frozen=True)
class Example:
    """A folder that Orbax writes and the checkpoint in it that orbscan reads."""

    folder: str
    write: Callable[[Path], None]
    step: str = ""

    def checkpoint(self, root: Path) -> Path:
        """The checkpoint itself, given the folder of all examples."""
        return root / self.folder / self.step


def main() -> int:
    """Writes, shows, times."""
    parser = argparse.ArgumentParser(prog="tools.demo", description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoints", type=Path, default=Path("demo-checkpoints"))
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each comparison")
    options = parser.parse_args()
    root = options.checkpoints.resolve()
    root.mkdir(parents=True, exist_ok=True)

    side_by_side.use_virtual_devices()
    logging.disable(logging.WARNING)
    for example in EXAMPLES:
        write_once(example, root)
    damaged(root)
    for title, words in BLOCKS:
        show(title, [word.format(root=display(root)) for word in words])
    show_table(root)
    print("\nOrbax and orbscan, the same calls in turns, medians:\n", flush=True)
    print(side_by_side.table(measure(root, options.seconds)))
    print(f"\nNow try your own: {display(PROGRAM)} show PATH, or {display(PROGRAM)} --help")
    return 0


def write_once(example: Example, root: Path) -> None:
    """Writes the example's folder unless an earlier run has."""
    folder = root / example.folder
    if folder.exists():
        print(f"    {folder.name}: already written", flush=True)
        return
    # Renamed when it is complete: an interrupted run leaves nothing that looks finished.
    unfinished = tempfile.TemporaryDirectory(prefix="unfinished-", dir=root)
    with long_step(f"Orbax writes {folder.name}"), unfinished as parent:
        written = Path(parent) / example.folder
        example.write(written)
        written.rename(folder)


def write_train_state(path: Path) -> None:
    """A small transformer with the state of its optimizer, as one pytree."""
    import orbax.checkpoint.experimental.v1 as ocp

    ocp.save(path, train_state(), custom_metadata={"run": "demo", "dataset": "c4"})


def write_manager_run(path: Path) -> None:
    """Three steps by the older `CheckpointManager`, with metrics."""
    import orbax.checkpoint as ocp_v0

    state = train_state()
    # Only a manager with a best_fn stores the metrics.
    options = ocp_v0.CheckpointManagerOptions(best_fn=loss, best_mode="min")
    with ocp_v0.CheckpointManager(path, options=options) as manager:
        for step in (100, 200, 300):
            saved = ocp_v0.args.Composite(state=ocp_v0.args.StandardSave(state))
            manager.save(step, args=saved, metrics={"loss": 300.0 / step})
        manager.wait_until_finished()


def loss(metrics: Mapping[str, float]) -> float:
    """The metric by which the manager ranks its steps."""
    return metrics["loss"]


def write_composite(path: Path) -> None:
    """Two checkpointables beside each other: the state and the configuration of the run."""
    import orbax.checkpoint.experimental.v1 as ocp

    config = {"layers": LAYERS, "optimizer": {"name": "adamw", "rate": 3e-4}}
    # By default, Orbax would store a dict of numbers and strings as a pytree.
    registry = ocp.handlers.local_registry()
    registry.add(ocp.handlers.JsonHandler, checkpointable_name="config")
    options = ocp.options.CheckpointablesOptions(registry=registry)
    with ocp.Context(checkpointables_options=options):
        ocp.save_checkpointables(
            path,
            {"state": train_state(), "config": config},
            custom_metadata={"git": "2f1c0de", "preempted": False},
        )


def write_wider(path: Path) -> None:
    """The state of a model that was changed: one more layer, another element type."""
    import jax
    import orbax.checkpoint.experimental.v1 as ocp

    state = train_state(LAYERS + 1)
    embedding: Any = state["params"]["embedding"]
    state["params"]["embedding"] = embedding.astype(jax.numpy.bfloat16)
    ocp.save(path, state)


EXAMPLES = (
    Example("train-state", write_train_state),
    Example("manager-run", write_manager_run, step="300"),
    Example("composite", write_composite),
    Example("changed-model", write_wider),
)

DAMAGED = "damaged-copy"

BLOCKS = (
    ("What is below a directory?", ["ls", "{root}"]),
    ("What is in a checkpoint?", ["show", "{root}/composite", "--fold", "always"]),
    ("Which of its steps is the latest, which the best?", ["steps", "{root}/manager-run"]),
    ("Is a copy whole?", ["verify", f"{{root}}/{DAMAGED}"]),
    ("What has changed?", ["diff", "{root}/train-state", "{root}/changed-model"]),
    (
        "What would each host read, on another mesh?",
        ["plan", "{root}/train-state", "--mesh", "data=2,model=4", "--devices-per-host", "4"],
    ),
)
"""What is shown: a question, and the command that answers it."""

PROGRAM = Path(sys.executable).with_name("orbscan")

TABLE = """
import orbscan, polars as pl

leaves = pl.DataFrame(orbscan.scan({root!r}).leaves())
print(leaves.group_by("dtype").agg(pl.len(), pl.sum("nbytes")).sort("nbytes", descending=True))
"""


def damaged(root: Path) -> None:
    """A copy of the first checkpoint whose largest data file is cut, as by a full disk."""
    copy = root / DAMAGED
    if copy.exists():
        return
    shutil.copytree(root / "train-state", copy)
    data = [file for file in copy.rglob("d/*") if file.is_file()]
    largest = max(data, key=lambda file: file.stat().st_size)
    with largest.open("r+b") as file:
        file.truncate(largest.stat().st_size // 2)


def train_state(layers: int = LAYERS) -> dict[str, Any]:
    """Parameters sharded over a 4 x 2 mesh, AdamW's moments sharded alike, and a step."""
    import jax
    import numpy as np
    import optax

    mesh = jax.make_mesh((4, 2), ("data", "model"))

    def array(*shape: int, spec: tuple[str | None, ...]) -> object:
        sharding = jax.NamedSharding(mesh, jax.P(*spec))
        return jax.device_put(np.zeros(shape, np.float32), sharding)

    def layer() -> dict[str, object]:
        inward, outward = ("data", "model"), ("model", "data")
        return {
            "attention": {
                **{name: array(WIDTH, WIDTH, spec=inward) for name in ("key", "query", "value")},
                "out": array(WIDTH, WIDTH, spec=outward),
            },
            "mlp": {
                "up": array(WIDTH, 4 * WIDTH, spec=inward),
                "down": array(4 * WIDTH, WIDTH, spec=outward),
            },
            "norm": {"scale": array(WIDTH, spec=(None,))},
        }

    params = {
        "embedding": array(VOCABULARY, WIDTH, spec=("model", "data")),
        "layers": [layer() for _ in range(layers)],
        "norm": {"scale": array(WIDTH, spec=(None,))},
    }
    optimizer = optax.adamw(3e-4)
    return {
        "params": params,
        "opt_state": optimizer.init(params),
        "step": np.asarray(300),
    }


def show(title: str, words: list[str]) -> None:
    """Prints the first lines of a command's output, run in a process of its own."""
    print(f"\n{title}\n$ orbscan {' '.join(words)}\n", flush=True)
    shown([sys.executable, "-m", "orbscan", *words])


def show_table(root: Path) -> None:
    """Prints a short program that reads a table, and its output."""
    program = TABLE.format(root=str(display(root)))
    print(f"\nWhat takes the space of all of them?\n{program}", flush=True)
    shown([sys.executable, "-c", program])


def shown(command: list[str]) -> None:
    """Prints the first lines of a command's output; after damage it exits with 1 or 5."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode not in {0, 1, 5}:
        raise subprocess.CalledProcessError(result.returncode, command)
    lines = result.stdout.splitlines()
    print("\n".join(lines[:LINES_SHOWN]))
    if len(lines) > LINES_SHOWN:
        print(f"... and {len(lines) - LINES_SHOWN} more lines", flush=True)


def display(path: Path) -> Path:
    """The path as a user in the current directory would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def measure(root: Path, seconds: float) -> list[side_by_side.Comparison]:
    """Both libraries on `metadata` of each example and on all checkpointables of the last."""
    import orbax.checkpoint.experimental.v1 as ocp

    import orbscan

    def metadata(path: Path) -> side_by_side.Comparison:
        return side_by_side.compare(
            f"metadata({display(path)})",
            orbax=lambda: ocp.metadata(path).metadata,
            orbscan=lambda: orbscan.metadata(path).metadata,
            seconds=seconds,
        )

    def checkpointables(path: Path) -> side_by_side.Comparison:
        return side_by_side.compare(
            f"checkpointables_metadata({display(path)})",
            orbax=lambda: ocp.checkpointables_metadata(path).metadata,
            orbscan=lambda: orbscan.checkpointables_metadata(path).metadata,
            seconds=seconds,
        )

    paths = [example.checkpoint(root) for example in EXAMPLES[:TIMED]]
    return [*map(metadata, paths), checkpointables(paths[-1])]


if __name__ == "__main__":
    sys.exit(main())
