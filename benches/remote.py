"""Times reads from a bucket beside Orbax, over a server on this machine whose answers are delayed.

    python -m benches.remote [--ms 20 50 150] [--leaves 25 1000] [--checkpoints 300] [--runs 5]

Orbax saves checkpoints to a disk, which becomes a bucket of fake-gcs-server; a proxy before it lets
every request wait. `cold` is the first read of a process, `warm` the median of the following ones.
Orbax reads in a process that has read another checkpoint before, since its first read of any pays
for imports. The limit of a read is its rounds times the delay; of a scan the requests times the
delay, by those in flight.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benches import side_by_side
from tests.remote import proxy, servers

BUCKET = "gs://bucket"
ROUNDS = 2
REQUESTS_OF_SCAN = 6
IN_FLIGHT = 64


def main() -> int:
    """Writes checkpoints, starts the servers, and prints a table for each delay."""
    options = parse_arguments()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options)))
        return 0
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        child(options, "save", {"BENCH_ROOT": str(root / "bucket")})
        before, stop = proxy.start(0)
        stack.callback(stop)
        before.to = stack.enter_context(servers.fake_gcs(root, before.port))
        address = f"http://127.0.0.1:{before.port}"
        variables = {
            "STORAGE_EMULATOR_HOST": address,
            "TENSORSTORE_GCS_HTTP_URL": address,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
        }
        for ms in options.ms:
            before.delay = ms / 1000
            print(f"{ms} ms a request")
            show(options, variables, ms)
    return 0


def show(options: argparse.Namespace, variables: dict[str, str], ms: int) -> None:
    """Prints the table of a delay."""
    print(f"  {'call':<28}{'orbax ms':>10}{'cold ms':>9}{'warm ms':>9}{'ratio':>8}{'limit':>8}")
    for name in names(options):
        ours = child(options, "orbscan", variables | {"BENCH_NAME": name})
        theirs = child(options, "orbax", variables | {"BENCH_NAME": name})
        warm, limit = ours["warm"], ROUNDS * ms
        print(
            f"  {name:<28}{theirs['ms']:>10,.0f}{ours['cold']:>9.1f}{warm:>9.1f}"
            f"{theirs['ms'] / warm:>7.1f}x{warm / limit:>7.2f}x"
        )
        if name == names(options)[0]:
            one = theirs["ms"]
    scanned = child(options, "scan", variables)["ms"]
    count = options.checkpoints
    limit = count * REQUESTS_OF_SCAN * ms / IN_FLIGHT
    print(
        f"  {f'scan of {count}':<28}{one * count:>10,.0f}{'':>9}{scanned:>9,.0f}"
        f"{one * count / scanned:>7.0f}x{scanned / limit:>7.2f}x"
    )


def names(options: argparse.Namespace) -> list[str]:
    """The checkpoints that are read one by one."""
    return [*(f"v1, {leaves:,} leaves" for leaves in options.leaves), "one step of a manager"]


def place(name: str) -> str:
    """Where a checkpoint lies in the bucket."""
    return "manager/2" if name.startswith("one") else f"v1-{name.split()[1].replace(',', '')}"


def save(options: argparse.Namespace) -> dict[str, float]:
    """Lets Orbax save everything; copies are what is scanned."""
    import shutil

    import orbax.checkpoint as v0
    from orbax.checkpoint import v1 as ocp

    root = Path(os.environ["BENCH_ROOT"])
    for leaves in options.leaves:
        ocp.save(root / f"v1-{leaves}", tree(leaves))
    ocp.save(root / "warm", tree(3))
    manager = v0.CheckpointManager(
        root / "manager", options=v0.CheckpointManagerOptions(enable_async_checkpointing=False)
    )
    for step in (1, 2):
        manager.save(step, args=v0.args.StandardSave(tree(60)))
    manager.close()
    ocp.save(root / "runs" / "0", tree(60))
    for number in range(1, options.checkpoints):
        shutil.copytree(root / "runs" / "0", root / "runs" / str(number))
    return {}


def tree(leaves: int) -> dict[str, Any]:
    """A state of some leaves."""
    import jax.numpy as jnp

    nest: dict[str, Any] = {}
    for number in range(leaves):
        layer = nest.setdefault(f"layer_{number // 5}", {})
        layer[f"w{number % 5}"] = jnp.zeros((4, 4), jnp.float32)
    return nest


def orbscan_reads(options: argparse.Namespace) -> dict[str, float]:
    """The first read and the median of the others."""
    import orbscan

    path = f"{BUCKET}/{place(os.environ['BENCH_NAME'])}"
    times = [elapsed(lambda: orbscan.metadata(path)) for _ in range(options.runs + 1)]
    return {"cold": times[0], "warm": statistics.median(times[1:])}


def orbax_reads(_: argparse.Namespace) -> dict[str, float]:
    """The first read of this checkpoint."""
    from orbax.checkpoint import v1 as ocp

    ocp.metadata(f"{BUCKET}/warm")
    path = f"{BUCKET}/{place(os.environ['BENCH_NAME'])}"
    return {"ms": elapsed(lambda: ocp.metadata(path))}


def scans(options: argparse.Namespace) -> dict[str, float]:
    """A scan, with connections that are open."""
    import orbscan

    def scan() -> None:
        found = sum(entry.complete is True for entry in orbscan.scan(f"{BUCKET}/runs"))
        if found != options.checkpoints:
            message = f"{found} checkpoints were read"
            raise RuntimeError(message)

    scan()
    return {"ms": statistics.median(elapsed(scan) for _ in range(3))}


def elapsed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


CHILDREN = {"save": save, "orbscan": orbscan_reads, "orbax": orbax_reads, "scan": scans}


def child(options: argparse.Namespace, what: str, variables: dict[str, str]) -> Any:
    """Does something in a process of its own."""
    command = [sys.executable, "-m", "benches.remote", "--child", what]
    command += ["--leaves", *map(str, options.leaves), "--runs", str(options.runs)]
    command += ["--checkpoints", str(options.checkpoints)]
    environment = os.environ | {"JAX_PLATFORMS": "cpu"} | variables
    ended = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    return json.loads(ended.stdout.splitlines()[-1])


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="benches.remote", description=__doc__.splitlines()[0])
    parser.add_argument("--ms", type=int, nargs="+", default=[20])
    parser.add_argument("--leaves", type=int, nargs="+", default=[25, 1000])
    parser.add_argument("--checkpoints", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    side_by_side.use_virtual_devices()
    sys.exit(main())
