"""Compares orbscan with Orbax on checkpoints of 10 to 10,000 leaves.

    python -m benches.compare [--workdir DIR] [--large] [--seconds S] [--runs N] [--json]

Orbax writes the checkpoints on first use, each leaf sharded over eight virtual CPU devices,
and they stay in the work directory. What a number means is told in `side_by_side`.
With `--runs 3` all of it is done three times, in a process each, and numbers are the medians of the
three; the table of README.md comes first. Progress goes to standard error, so that `--json` can be
piped.
"""

import argparse
import dataclasses
import json
import logging
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benches import limit, side_by_side
from tools.progress import long_step

SIZES = (10, 100, 1_000)
LARGE = 10_000
LEAVES_PER_LAYER = 10

MODULES = ("orbscan", "orbscan.orbax")
"""What is compared: orbscan itself, and the module that stands in for Orbax."""


def main() -> int:
    """Writes what is missing, measures every size, prints a table or JSON."""
    options = parse_arguments()
    if options.runs > 1:
        return several(options.runs)
    side_by_side.prepare()
    logging.disable(logging.WARNING)
    sizes = (*SIZES, LARGE) if options.large else SIZES
    checkpoints = {size: checkpoint(options.workdir, size) for size in sizes}
    floor = limit.program()
    comparisons = []
    for size, path in checkpoints.items():
        print(f"==> comparing {size:,} leaves", file=sys.stderr, flush=True)
        comparisons += [compare(size, path, options.seconds, of, floor) for of in MODULES]
    if options.json:
        print(json.dumps(report(comparisons), indent=2))
    else:
        print(side_by_side.table(comparisons))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options, with the module's first line as their description."""
    parser = argparse.ArgumentParser(prog="benches.compare", description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--large", action="store_true", help=f"also {LARGE:,} leaves (minutes)")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each size")
    parser.add_argument("--runs", type=int, default=1, help="processes that each do all of it")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def several(runs: int) -> int:
    """Measures in processes of their own, and prints medians of what they found."""
    words = [word for word in sys.argv[1:] if word != "--json"] + ["--runs", "1", "--json"]
    found = []
    for run in range(runs):
        print(f"==> run {run + 1} of {runs}", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "benches.compare", *words]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rows = json.loads(ended.stdout)["rows"]
        found.append([side_by_side.comparison(row) for row in rows])
    medians = side_by_side.medians(found)
    if "--json" in sys.argv:
        print(json.dumps(report(medians), indent=2))
        return 0
    print(side_by_side.short_table([row for row in medians if row.call.startswith("orbscan.meta")]))
    print(f"\nmedians of {runs} runs, with all that was compared:\n")
    print(side_by_side.table(medians))
    return 0


def checkpoint(workdir: Path, size: int) -> Path:
    """The checkpoint with `size` leaves; written if it is not there yet."""
    path = workdir.resolve() / f"{size}-leaves"
    if not path.exists():
        with long_step(f"Orbax writes {path.name}", file=sys.stderr):
            write(path, size)
    return path


def write(path: Path, size: int) -> None:
    """Saves `size` small bfloat16 arrays in layers of ten, each split over all eight devices."""
    import jax
    import orbax.checkpoint.experimental.v1 as ocp

    mesh = jax.make_mesh((4, 2), ("data", "model"))
    sharding = jax.NamedSharding(mesh, jax.P("data", "model"))
    # One array under every name: Orbax stores each of them, and making them takes no time.
    leaf = jax.device_put(jax.numpy.ones((8, 8), "bfloat16"), sharding)
    layers = {
        f"layer_{layer:05}": {f"kernel_{i}": leaf for i in range(LEAVES_PER_LAYER)}
        for layer in range(size // LEAVES_PER_LAYER)
    }
    ocp.save(path, {"params": layers})


def compare(
    size: int, path: Path, seconds: float, module: str = "orbscan", floor: str | None = None
) -> side_by_side.Comparison:
    """`metadata(path)` of Orbax and of a module in turns, and the limit if there is the floor."""
    import orbax.checkpoint.experimental.v1 as ocp

    ours = import_module(module)
    return side_by_side.compare(
        f"{module}.metadata, {size:,} leaves",
        orbax=lambda: ocp.metadata(path).metadata,
        orbscan=lambda: ours.metadata(path).metadata,
        seconds=seconds,
        limit=limit.Limit(path, floor) if floor else None,
    )


def report(comparisons: list[side_by_side.Comparison]) -> dict[str, object]:
    """What ran and what it gave, as JSON can hold it; times in milliseconds."""
    return {
        "versions": {
            "python": sys.version.split()[0],
            **{name: version(name) for name in ("orbscan", "orbax-checkpoint", "jax")},
        },
        "rows": [{**dataclasses.asdict(row), "ratio": row.ratio} for row in comparisons],
    }


if __name__ == "__main__":
    sys.exit(main())
