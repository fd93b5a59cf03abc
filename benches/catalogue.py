"""Times updates of a catalogue beside those of a file that continues an earlier one.

    python -m benches.catalogue [--workdir DIR] [--checkpoints N] [--runs N]

The checkpoints are those of `benches.scan`. Of a catalogue and of a Parquet file that have all of
them, what takes none, ten or a thousand new ones in is timed, in turns, with a warm page cache, and
what it writes is counted. A catalogue has the tables of leaves and of checkpoints, the file has the
first alone.
"""

import argparse
import gc
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orbscan
from benches import scan, side_by_side

NEW = (0, 10, 1_000)
"""How many checkpoints are new."""


def main() -> int:
    """Writes what is missing, measures, prints a table."""
    options = parse_arguments()
    side_by_side.prepare()
    workdir = options.workdir.resolve()
    root = scan.runs(workdir, options.checkpoints)
    scratch = workdir / "catalogues"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    fleet, leaves = scratch / "before.delta", scratch / "before.parquet"
    made: dict[str, Callable[[], object]] = {
        "a catalogue": partial(orbscan.update_catalogue, fleet, root),
        "a .parquet file": partial(write, root, leaves),
    }
    for name, call in made.items():
        print(f"{name}, from nothing{timed([lambda: None], call):>16,.0f} ms")
    for count in NEW:
        print(f"{count:>6,} new of {options.checkpoints:,}")
        grown = scratch / "new"
        with_new(root, grown, count)
        # A directory that is a root by a link is searched as one below it.
        link = root / "new"
        link.symlink_to(grown)
        try:
            compare(root, fleet, leaves, options.runs)
        finally:
            link.unlink()
            shutil.rmtree(grown)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options, with the module's first line as their description."""
    parser = argparse.ArgumentParser(prog="benches.catalogue", description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--checkpoints", type=int, default=5_000, help="how many (default: 5000)")
    parser.add_argument("--runs", type=int, default=3, help="of which medians are taken")
    return parser.parse_args()


def with_new(root: Path, target: Path, count: int) -> None:
    """Copies some checkpoints as new ones."""
    target.mkdir()
    kinds = scan.kinds(root)
    for number in range(count):
        run, step = divmod(number, scan.STEPS_IN_A_RUN)
        place = target / f"run_{run:04}" / f"step_{step:06}"
        shutil.copytree(kinds[run % len(kinds)], place, copy_function=scan.copy)


def compare(root: Path, fleet: Path, leaves: Path, rounds: int) -> None:
    """Times both, each upon a copy of what there was, and tells what was written."""
    copy = fleet.with_name("now.delta")
    after = leaves.with_name("now.parquet")
    calls: dict[str, Callable[[], object]] = {
        "update_catalogue": partial(orbscan.update_catalogue, copy, root),
        "write_table, since": partial(write, root, after, leaves),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    written: dict[str, int] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            shutil.rmtree(copy, ignore_errors=True)
            after.unlink(missing_ok=True)
            shutil.copytree(fleet, copy)
            before = size(copy)
            times[name].append(timed([gc.collect], call))
            written[name] = size(after) if after.exists() else size(copy) - before
    for name, each in times.items():
        print(f"  {name:<22}{statistics.median(each):>10,.0f} ms{written[name] / 1e6:>10.2f} MB")


def write(root: Path, path: Path, since: Path | None = None) -> int:
    """Writes the table of leaves, by way of an earlier one."""
    return orbscan.write_table(orbscan.leaf_table(root, since=since), path, since=since)


def timed(before: list[Callable[[], object]], call: Callable[[], object]) -> float:
    """The milliseconds that a call takes."""
    for prepare in before:
        prepare()
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def size(path: Path) -> int:
    """The bytes of a file, or of all below a directory."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
