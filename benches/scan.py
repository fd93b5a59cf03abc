"""Times a scan of many checkpoints beside what a user of Orbax can do, and draws it by threads.

    python -m benches.scan [--workdir DIR] [--checkpoints N] [--seconds S] [--cold]

Orbax saves four checkpoints of about sixty leaves, as its releases of today do by their two
interfaces; copies of them are the runs that are scanned. Orbax reads a sample of them one by one,
which is the best it can do in one process, in turns with the scans. The page cache is warm, or with
`--cold` the system is told to forget everything before each call (Linux, as root). The floor is
`floor.rs` over one checkpoint of each kind: the bytes read, their tokens walked, nothing kept,
nothing searched for. The drawing of the warm times goes to docs/scan-by-threads.svg.
"""

import argparse
import gc
import logging
import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benches import limit, plot, side_by_side
from tools.progress import long_step

STEPS_IN_A_RUN = 10
SAMPLE = 20
THREADS = (1, 2, 4, 8, 16, 32)
FORGET = Path("/proc/sys/vm/drop_caches")
DRAWING = Path(__file__).parents[1] / "docs" / "scan-by-threads.svg"

Scan = Callable[[], int]


def main() -> int:
    """Writes what is missing, measures, prints two tables, draws one."""
    options = parse_arguments()
    side_by_side.prepare()
    logging.disable(logging.WARNING)
    root = runs(options.workdir.resolve(), options.checkpoints)
    paths = sorted(root.glob("*/*"))
    program = limit.program()
    floor = statistics.mean(limit.walk(program, path).whole for path in kinds(root))
    calls = scans(str(root), paths)
    times = take_turns(calls, options.seconds, forget if options.cold else gc.collect)
    orbax = times.pop("Orbax, one by one")
    for name, each in times.items():
        print(f"{name:<34}{each:>9.3f} ms{orbax / each:>9,.0f}x{each / floor:>8.2f}x floor")
    print(f"{'Orbax, one by one':<34}{orbax:>9.3f} ms")
    print(f"{'floor':<34}{floor:>9.3f} ms")
    print(f"peak memory of this process: {peak():,.0f} MB")
    if options.cold:
        return 0
    by_threads = [(count, times[leaves_name(count)]) for count in THREADS]
    DRAWING.write_text("\n".join(draw(by_threads, floor)) + "\n")
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options, with the module's first line as their description."""
    parser = argparse.ArgumentParser(prog="benches.scan", description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--checkpoints", type=int, default=1_000, help="how many (default: 1000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="time for all")
    parser.add_argument("--cold", action="store_true", help="with a cold page cache")
    return parser.parse_args()


def forget() -> None:
    """Has the system forget files, directories and their attributes."""
    gc.collect()
    os.sync()
    FORGET.write_text("3")


def runs(workdir: Path, count: int) -> Path:
    """The directory of runs; written if it is not there yet. Arrays are hard links."""
    root = workdir / f"{count}-checkpoints"
    if root.exists():
        return root
    four = saved(workdir)
    unfinished = root.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with long_step(f"copying them {count} times", file=sys.stderr):
        for number in range(count):
            run, step = divmod(number, STEPS_IN_A_RUN)
            target = unfinished / f"run_{run:04}" / f"step_{step * 100:06}"
            shutil.copytree(four[run % len(four)], target, copy_function=copy)
    return unfinished.rename(root)


def saved(workdir: Path) -> list[Path]:
    """The four checkpoints that Orbax saves, by name; written if they are not there yet."""
    root = workdir / "kinds"
    if not root.exists():
        with long_step("Orbax writes four checkpoints", file=sys.stderr):
            write_kinds(root)
    return sorted(root.iterdir())


def copy(source: str, target: str) -> None:
    """Copies a document, and links the data files, which a scan reads only in part."""
    if Path(source).parent.name == "d" and Path(source).stat().st_size > 1 << 16:
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def write_kinds(root: Path) -> None:
    """Saves a training state by each interface of Orbax, alone and beside another item."""
    import orbax.checkpoint as v0
    import orbax.checkpoint.experimental.v1 as ocp

    state = training_state()
    ocp.save(root / "v1", state, custom_metadata={"run": "bench"})
    ocp.save_checkpointables(root / "v1-named", {"state": state, "dataset": {"position": 4}})
    with v0.Checkpointer(v0.StandardCheckpointHandler()) as checkpointer:
        checkpointer.save(root / "v0", args=v0.args.StandardSave(state))
    with v0.Checkpointer(v0.CompositeCheckpointHandler()) as checkpointer:
        items = {"state": v0.args.StandardSave(state), "extra": v0.args.JsonSave({"a": 1})}
        checkpointer.save(root / "v0-named", args=v0.args.Composite(**items))


def training_state() -> dict[str, Any]:
    """Two layers of a transformer with the moments of Adam, split over eight devices."""
    import jax

    mesh = jax.make_mesh((4, 2), ("data", "model"))

    def array(*shape: int) -> Any:
        spec = jax.P("data", "model") if len(shape) == 2 else jax.P()  # noqa: PLR2004 - a matrix
        return jax.device_put(jax.numpy.ones(shape), jax.NamedSharding(mesh, spec))

    def params() -> dict[str, Any]:
        layer = lambda: {  # noqa: E731 - a shape, not a step
            **{name: array(64, 64) for name in ("query", "key", "value", "out")},
            "up": array(64, 256),
            "down": array(256, 64),
            "norm_1": array(64),
            "norm_2": array(64),
        }
        ends = {"embed": array(512, 64), "norm": array(64), "head": array(64, 512)}
        return {**ends, "layer_0": layer(), "layer_1": layer()}

    moments = {"mu": params(), "nu": params(), "count": jax.numpy.zeros((), "int32")}
    return {"params": params(), "opt_state": moments}


def kinds(root: Path) -> list[Path]:
    """One checkpoint of each kind."""
    return [root / f"run_{run:04}" / "step_000000" for run in range(4)]


def leaves_name(threads: int) -> str:
    """What the row of a scan into a table is called."""
    return f"leaves(), {threads} thread" + ("s" if threads > 1 else "")


def scans(root: str, paths: list[Path]) -> dict[str, tuple[Scan, int]]:
    """What is timed: each call, and how many checkpoints it reads."""
    import orbax.checkpoint.experimental.v1 as ocp

    import orbscan

    everything = len(paths)
    sample = paths[:: max(1, everything // SAMPLE)]
    # With trees: what an earlier scan has not read of a checkpoint is read again.
    earlier = {entry.path: entry.fingerprint for entry in orbscan.scan(root) if entry.fingerprint}

    def orbax() -> int:
        return sum(side_by_side.touch(ocp.metadata(path).metadata) for path in sample)

    def whole() -> int:
        entries = orbscan.scan(root)
        return sum(
            side_by_side.touch(entry.metadata and entry.metadata.metadata) for entry in entries
        )

    def table(threads: int) -> int:
        return drained(orbscan.scan(root, threads=threads).leaves())

    def again() -> int:
        unchanged = sum(entry.state == "unchanged" for entry in orbscan.scan(root, since=earlier))
        if unchanged != everything:
            sys.exit(f"of {everything} checkpoints {everything - unchanged} were read again")
        return unchanged

    calls: dict[str, tuple[Scan, int]] = {"Orbax, one by one": (orbax, len(sample))}
    for threads in THREADS:
        calls[leaves_name(threads)] = (partial(table, threads), everything)
    calls["each entry's metadata"] = (whole, everything)
    calls["headers alone"] = (lambda: sum(1 for _ in orbscan.scan(root, leaves=False)), everything)
    calls["since an earlier scan"] = (again, everything)
    return calls


def drained(stream: Any) -> int:
    """Takes every batch of a stream, and counts its rows."""
    import pyarrow as pa

    return sum(batch.num_rows for batch in pa.RecordBatchReader.from_stream(stream))


def take_turns(
    calls: dict[str, tuple[Scan, int]], seconds: float, prepare: Callable[[], object]
) -> dict[str, float]:
    """The median of each call in milliseconds for one checkpoint, all calls in turns."""
    samples: dict[str, list[float]] = {name: [] for name in calls}
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(samples[next(iter(calls))]) < side_by_side.FEWEST_ROUNDS:
        for name, (call, count) in calls.items():
            prepare()
            started = time.perf_counter()
            call()
            samples[name].append((time.perf_counter() - started) * 1e3 / count)
    return {name: statistics.median(times) for name, times in samples.items()}


def peak() -> float:
    """The most memory that this process ever held, in megabytes; with jax and Orbax loaded."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def draw(by_threads: list[tuple[int, float]], floor: float) -> list[str]:
    """The lines of an SVG: milliseconds for a checkpoint against threads."""
    width, height, low, high = 520, 240, 200, 30
    most = max(floor, *(each for _, each in by_threads)) * 1.1
    across = [70 + 70 * place for place in range(len(by_threads))]
    upward = [low - (low - high) * each / most for _, each in by_threads]
    level = low - (low - high) * floor / most
    points = " ".join(f"{x},{y:.1f}" for x, y in zip(across, upward, strict=True))
    colour, faint = plot.SERIES["orbscan"], plot.SERIES["floor"]
    return [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12" fill="{plot.INK}">'
        ),
        "<title>Milliseconds to scan one checkpoint of sixty leaves, by threads</title>",
        plot.line(60, low, width - 60, low),
        plot.line(60, level, width - 60, level),
        plot.text(width - 56, level + 4, "floor", "start", faint),
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>',
        *(
            plot.text(x, y - 8, f"{each:.3f} ms", "middle", colour)
            for x, y, (_, each) in zip(across, upward, by_threads, strict=True)
        ),
        *(
            plot.text(x, low + 18, str(threads), "middle")
            for x, (threads, _) in zip(across, by_threads, strict=True)
        ),
        plot.text(width / 2, height - 6, "threads", "middle"),
        "</svg>",
    ]


if __name__ == "__main__":
    sys.exit(main())
