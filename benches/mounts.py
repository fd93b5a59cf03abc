"""What calls take where every open and stat is a round trip, as on a mounted bucket.

    python -m benches.mounts [--workdir DIR] [--delay MS] [--rounds N]

Linux, with strace: it holds up every `openat`, `statx` and `newfstatat` of a process that has made
the same call before, elsewhere, so that nothing is imported or opened for the first time. Medians;
beside Orbax where that has such a call.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benches import compare, side_by_side

LEAVES = 100
CHECKPOINTS = 100
STEPS = 200
HELD_UP = "openat,statx,newfstatat"
# strace has to be there before the call begins, and does not say when it is.
SECONDS_TO_ATTACH = 0.5

# The calls, by their names: of a checkpoint, or of a directory of some.
CALLS = {
    "metadata": "orbscan.metadata(path)",
    "metadata, Orbax": "ocp.metadata(path)",
    "verify, level index": "orbscan.verify(path, level='index')",
    "scan of 100 checkpoints": "list(orbscan.scan(path))",
    "steps of 200": "list(orbscan.steps(path))",
}

# Makes the call for one path and waits for a line, then for the other, and tells the seconds.
CHILD = """
import sys, time
import orbscan
if "ocp." in sys.argv[1]:
    import orbax.checkpoint.experimental.v1 as ocp
call = eval("lambda path: " + sys.argv[1])
call(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
begun = time.perf_counter()
call(sys.argv[3])
print(time.perf_counter() - begun, flush=True)
"""


def main() -> int:
    """Writes what is missing, measures, prints a table."""
    parser = argparse.ArgumentParser(prog="benches.mounts", description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--delay", type=float, default=20.0, help="milliseconds (default: 20)")
    parser.add_argument("--rounds", type=int, default=3, help="of each call (default: 3)")
    options = parser.parse_args()
    if shutil.which("strace") is None:
        print("benches.mounts: needs strace", file=sys.stderr)
        return 1
    side_by_side.prepare()
    print("\n".join(table(options.workdir.resolve(), options.delay, options.rounds)))
    return 0


def table(workdir: Path, delay: float, rounds: int) -> Iterator[str]:
    """One line a call."""
    one = compare.checkpoint(workdir, LEAVES)
    scanned = copies(one, workdir / "mounts-scan", CHECKPOINTS)
    run = copies(one, workdir / "mounts-steps", STEPS)
    first = copies(one, workdir / "mounts-first", 1)
    paths = {"scan of 100 checkpoints": (first, scanned), "steps of 200": (first, run)}
    yield f"{'call':<28}{'ms':>10}{'delays':>10}"
    for name, call in CALLS.items():
        warm, path = paths.get(name, (first / "0", one))
        took = statistics.median(held_up(call, warm, path, delay) for _ in range(rounds))
        yield f"{name:<28}{took * 1e3:>10.0f}{took * 1e3 / delay:>10.1f}"


def copies(checkpoint: Path, directory: Path, count: int) -> Path:
    """A directory of so many copies, called as steps are."""
    for number in range(count):
        copy = directory / str(number)
        if not copy.exists():
            shutil.copytree(checkpoint, copy)
    return directory


def held_up(call: str, warm: Path, path: Path, delay: float) -> float:
    """The seconds that a call takes in a process that was warmed up with another path."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, call, str(warm), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        lines = iter(child.stdout or ())
        next(lines)
        inject = f"inject={HELD_UP}:delay_enter={round(delay * 1e3)}"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(child.pid)]
        with subprocess.Popen([*command, "-e", f"trace={HELD_UP}", "-e", inject]) as strace:
            time.sleep(SECONDS_TO_ATTACH)
            print(file=child.stdin, flush=True)
            took = float(next(lines))
            strace.terminate()
    return took


if __name__ == "__main__":
    sys.exit(main())
