"""Everything that docs/performance.md has figures of, beside Orbax, by one command.

    python -m benches.overview [--workdir DIR] [--large] [--seconds S]

First calls of `metadata` in one process: checkpoints that Orbax saved, among them steps of a run as
both its interfaces save them, then states of large models and arrays of many chunks (see
`synthetic`). Then whole processes, start to end, with their peak memory: an import, the largest
state, and `orbscan show` beside printing what Orbax returns.
`--large` adds 10,000 leaves, Llama 405B and a million chunks: some minutes, and 1.2 GB of disk.
"""

import argparse
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benches import compare, limit, scan, side_by_side, synthetic
from tools.progress import long_step

ROUNDS = 7
ORBAX = "import orbax.checkpoint.experimental.v1 as ocp"
# Of all that a process ever held in memory; Linux only.
PRINT_PEAK = "\nprint(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"


def main() -> int:
    """Writes what is missing, measures, prints two tables."""
    options = parse_arguments()
    side_by_side.prepare()
    logging.disable(logging.WARNING)
    calls = list(checkpoints(options.workdir.resolve(), large=options.large))
    floor = limit.program()
    comparisons = []
    for name, path in calls:
        print(f"==> comparing {name}", file=sys.stderr, flush=True)
        comparisons.append(compare_call(name, path, options.seconds, floor))
    print(side_by_side.table(comparisons))
    print()
    paths = dict(calls)
    largest = "Llama 405B" if options.large else "Llama 8B"
    processes = [
        Process("import", ORBAX, ["-c", "import orbscan"]),
        whole_call(largest, paths[largest]),
        show("1,000 leaves", paths["1,000 leaves"]),
    ]
    bare = Process("bare Python", "pass", ["-c", "pass"])
    take_turns([bare, *processes])
    print("\n".join(process_table(bare, processes)))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options, with the module's first line as their description."""
    parser = argparse.ArgumentParser(prog="benches.overview", description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--large", action="store_true", help="also the largest (minutes, 1.2 GB)")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each call")
    return parser.parse_args()


def checkpoints(workdir: Path, *, large: bool) -> Iterator[tuple[str, Path]]:
    """The checkpoints by name; written if they are not there yet."""
    for leaves in (*compare.SIZES, *([compare.LARGE] if large else [])):
        yield f"{leaves:,} leaves", compare.checkpoint(workdir, leaves)
    for step in scan.saved(workdir):
        yield f"one step, {step.name}", step
    for size in ("8b", *(["70b", "405b"] if large else [])):
        write: Callable[[Path], None] = partial(synthetic.llama, size=size)
        yield f"Llama {size.upper()}", made(workdir / f"llama-{size}", write)
    for chunks in (100_000, *([1_000_000] if large else [])):
        write = partial(synthetic.many_chunks, chunks=chunks)
        yield f"{chunks:,} chunks", made(workdir / f"{chunks}-chunks", write)


def made(path: Path, write: Callable[[Path], None]) -> Path:
    """The path, at which `write` has written something now or earlier."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with long_step(f"writing {path.name}", file=sys.stderr):
            write(path)
    return path


def compare_call(name: str, path: Path, seconds: float, floor: str) -> side_by_side.Comparison:
    """Both libraries' `metadata(path)` in turns, and the limit."""
    import orbax.checkpoint.experimental.v1 as ocp

    import orbscan

    return side_by_side.compare(
        name,
        orbax=lambda: ocp.metadata(path).metadata,
        orbscan=lambda: orbscan.metadata(path).metadata,
        seconds=seconds,
        limit=limit.Limit(path, floor),
    )


@dataclass
class Process:
    """One thing to do in a process of its own: with Orbax, some code; with orbscan, a command."""

    name: str
    orbax: str
    orbscan: list[str]
    orbax_ms: list[float] = field(default_factory=list)
    orbscan_ms: list[float] = field(default_factory=list)
    orbax_mb: float = 0.0
    orbscan_mb: float = 0.0


def whole_call(name: str, path: Path) -> Process:
    """Start, import, one call."""
    code = f"import orbscan; orbscan.metadata({str(path)!r})"
    return Process(name, f"{ORBAX}\nocp.metadata({str(path)!r})", ["-c", code])


def show(name: str, path: Path) -> Process:
    """What a person types to see what is in a checkpoint."""
    code = f"{ORBAX}\nprint(ocp.metadata({str(path)!r}))"
    return Process(f"show {name}", code, ["-m", "orbscan", "show", str(path)])


def take_turns(processes: list[Process]) -> None:
    """Runs all processes of all kinds, round by round."""
    for _ in range(ROUNDS):
        for process in processes:
            took, process.orbax_mb = run(["-c", process.orbax + PRINT_PEAK])
            process.orbax_ms.append(took)
            command = list(process.orbscan)
            if command[0] == "-c":
                command[1] += PRINT_PEAK
            took, process.orbscan_mb = run(command)
            process.orbscan_ms.append(took)


def run(arguments: list[str]) -> tuple[float, float]:
    """Milliseconds and, if it prints that last, peak megabytes of a Python process."""
    started = time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    took = (time.perf_counter() - started) * 1e3
    last = done.stdout.split()[-1:]
    return took, float(last[0]) / 1024 if last and last[0].isdecimal() else 0.0


def process_table(bare: Process, processes: list[Process]) -> Iterator[str]:
    """One line a process: medians and peaks; first, what a Python costs that does nothing."""
    nothing = statistics.median(bare.orbax_ms + bare.orbscan_ms)
    yield f"whole processes (bare Python: {nothing:.0f} ms, {bare.orbscan_mb:.0f} MB)"
    titles = ("orbax ms", "orbscan ms", "ratio", "orbax MB", "orbscan MB", "beyond Python")
    yield f"{'process':<20}" + "".join(f"{title:>14}" for title in titles)
    for process in processes:
        orbax, own = statistics.median(process.orbax_ms), statistics.median(process.orbscan_ms)
        cells = (
            *(f"{orbax:,.0f}", f"{own:,.1f}", f"{orbax / own:,.0f}x"),
            f"{process.orbax_mb:,.0f}",
            f"{process.orbscan_mb:,.0f}" if process.orbscan_mb else "",
            f"{own - nothing:,.1f} ms",
        )
        yield f"{process.name:<20}" + "".join(f"{cell:>14}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
