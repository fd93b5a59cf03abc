"""What `verify` costs beside `metadata`, and how fast it reads data.

    python -m benches.verification [--workdir DIR] [--megabytes N] [--seconds S]

The level `index` beside a read of the same checkpoint, and `orbscan verify` beside `orbscan show`,
start to end: thousands of leaves, a large state with its chunks, many chunks of few arrays. Then
the level `data` on random floats that Orbax saved with zstd, in MB of the files in a second:
beside Orbax, which restores the same arrays, and beside a program that reads the files and does
nothing with them. All in turns, warm page cache.
"""

import argparse
import gc
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benches import compare, side_by_side, synthetic
from benches.overview import made

MEGA = 1_000_000
ARRAYS = 8
Call = Callable[[], object]


def main() -> int:
    """Writes what is missing, measures, prints two tables."""
    parser = argparse.ArgumentParser(
        prog="benches.verification", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--megabytes", type=int, default=256, help="of arrays (default: 256)")
    parser.add_argument("--seconds", type=float, default=5.0, help="time for each comparison")
    options = parser.parse_args()
    side_by_side.prepare()
    logging.disable(logging.WARNING)
    workdir = options.workdir.resolve()
    print("\n".join(index_table(workdir, options.seconds)))
    print()
    print("\n".join(data_table(workdir, options.megabytes, options.seconds)))
    return 0


def index_table(workdir: Path, seconds: float) -> Iterator[str]:
    """One line a checkpoint: a read, a check, their ratio, as calls and as whole commands."""
    import orbscan

    checkpoints = {
        "1,000 leaves": compare.checkpoint(workdir, 1_000),
        "Llama 8B, with chunks": made(
            workdir / "llama-8b-chunks", partial(synthetic.llama, size="8b", with_chunks=True)
        ),
        "100,000 chunks": made(
            workdir / "100000-chunks", partial(synthetic.many_chunks, chunks=100_000)
        ),
    }
    pairs = (("metadata", "verify"), ("show", "verify"))
    titles = "".join(f"{a + ', ms':>16}{b + ', ms':>16}{'ratio':>8}" for a, b in pairs)
    yield f"{'checkpoint':<24}{titles}"
    for name, path in checkpoints.items():
        check = partial(orbscan.verify, path, level="index")
        calls = in_turns([partial(orbscan.metadata, path), check], seconds)
        commands = in_turns(
            [partial(command, "show", path), partial(command, "verify", path)], seconds
        )
        cells = "".join(f"{a:>16.3f}{b:>16.3f}{b / a:>7.1f}x" for a, b in (calls, commands))
        yield f"{name:<24}{cells}"


def command(name: str, path: Path) -> None:
    """A command of the command line, start to end."""
    subprocess.run([sys.executable, "-m", "orbscan", name, path], check=True, capture_output=True)


def data_table(workdir: Path, megabytes: int, seconds: float) -> Iterator[str]:
    """One line a way of reading all data."""
    import orbax.checkpoint.experimental.v1 as ocp

    import orbscan

    path = made(workdir / f"{megabytes}-megabytes", partial(write_arrays, megabytes=megabytes))
    files = [file for file in path.rglob("*") if file.is_file()]
    stored = sum(file.stat().st_size for file in files) / MEGA
    calls: dict[str, Call] = {
        "reading the files": lambda: [file.read_bytes() for file in files],
        "verify data": partial(orbscan.verify, path, level="data"),
        "verify data, every value": partial(orbscan.verify, path, level="data", check_values=True),
        "Orbax restores": partial(ocp.load_pytree, path),
    }
    yield f"{stored:,.0f} MB stored, {megabytes:,} MB of float32"
    for name, took in zip(calls, in_turns([*calls.values()], seconds), strict=True):
        yield f"{name:<28}{took:>10.0f} ms{stored / took * 1e3:>10,.0f} MB/s"


def write_arrays(path: Path, megabytes: int) -> None:
    """Lets Orbax save arrays of random floats, which zstd makes a little smaller."""
    import numpy as np
    import orbax.checkpoint.experimental.v1 as ocp

    random = np.random.default_rng(1)
    size = megabytes * MEGA // ARRAYS // 4
    arrays = {f"w{n}": random.standard_normal(size, np.float32) for n in range(ARRAYS)}
    ocp.save_pytree(path, arrays)


def in_turns(calls: list[Call], seconds: float) -> list[float]:
    """The median of each call in milliseconds."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times[0]) < side_by_side.FEWEST_ROUNDS:
        for call, samples in zip(calls, times, strict=True):
            gc.collect()
            started = time.perf_counter()
            call()
            samples.append((time.perf_counter() - started) * 1e3)
    return [statistics.median(samples) for samples in times]


if __name__ == "__main__":
    sys.exit(main())
