"""Times reads from a bucket beside Orbax, over servers on this machine whose answers are delayed.

    python -m benches.remote [--ms 20 50 150] [--leaves 25 1000] [--checkpoints 1000] [--runs 9]

Orbax saves checkpoints to a disk. They become a bucket of `bucket.rs`, which answers after a delay
and otherwise at once, for orbscan, and one of fake-gcs-server behind a proxy that lets every
request wait, for Orbax, whose libraries ask in another dialect. `cold` is the first read of a
process and `warm` the median of the following ones; `TLS` has a proxy of Python before the bucket.
Orbax reads in a process that has read another checkpoint before, since its first read of any pays
for imports. All are medians of three processes. The limit of a read is its rounds times the delay,
that of a scan the requests times the delay, by those in flight.
"""

import argparse
import json
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import trustme

from benches import instructions, side_by_side, synthetic
from tests.remote import proxy, servers

BUCKET = "gs://bucket"
ROUNDS = 2
REQUESTS_OF_SCAN = 6
IN_FLIGHT = (16, 64, 256)
PROCESSES = 512
STATE = "405B state"
# Where each checkpoint lies that is read alone, but for those that are named by their leaves.
PLACES = {
    STATE: "llama-405b",
    "25 arrays in files": "files-25",
    "one step of a manager": "manager/2",
}
# Orbax is not asked about what it would read for minutes.
UNASKED = {STATE}
WRITTEN = f"verify, {PROCESSES} processes"


def main() -> int:
    """Writes checkpoints, starts the servers, and prints a table for each delay."""
    options = parse_arguments()
    if options.child:
        print(json.dumps(CHILDREN[options.child](options)))
        return 0
    program = options.server or instructions.executable("--example", "bucket")
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        child(options, "save", {"BENCH_ROOT": str(root / "bucket")})
        before, stop = proxy.start(0)
        stack.callback(stop)
        before.to = stack.enter_context(fake_gcs(root, before.port))
        address = f"http://127.0.0.1:{before.port}"
        orbax = {
            "STORAGE_EMULATOR_HOST": address,
            "TENSORSTORE_GCS_HTTP_URL": address,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "none",
        }
        for ms in options.ms:
            before.delay = ms / 1000
            with bucket(program, root / "bucket", ms) as port:
                print(f"{ms} ms a request")
                show(options, orbax, port, ms)
    return 0


@contextmanager
def fake_gcs(root: Path, port: int) -> Iterator[int]:
    """Runs fake-gcs-server over what Orbax is asked about: it holds no thousands of objects."""
    unasked = shutil.ignore_patterns("runs", "written", PLACES[STATE])
    with tempfile.TemporaryDirectory() as few:
        shutil.copytree(root / "bucket", Path(few) / "bucket", ignore=unasked)
        with servers.fake_gcs(Path(few), port) as listens:
            yield listens


@contextmanager
def bucket(program: str | Path, root: Path, ms: int) -> Iterator[int]:
    """Runs the server whose answers take so long; gives its port."""
    command = [str(program), str(root), str(ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(next(iter(server.stdout or ())))
        finally:
            server.terminate()


@contextmanager
def over_tls(port: int) -> Iterator[dict[str, str]]:
    """Speaks TLS before a port; gives the variables that lead there."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    before, stop = proxy.start(port, context)
    try:
        with authority.cert_pem.tempfile() as trusted:
            address = f"https://127.0.0.1:{before.port}"
            yield {"STORAGE_EMULATOR_HOST": address, "SSL_CERT_FILE": trusted}
    finally:
        stop()


def show(options: argparse.Namespace, orbax: dict[str, str], port: int, ms: int) -> None:
    """Prints the tables of a delay."""
    ours = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}
    print(f"  {'call':<28}{'orbax ms':>10}{'cold ms':>9}{'warm ms':>9}{'ratio':>8}{'limit':>8}")
    one = 0.0
    for name in names(options):
        place = {"BENCH_PLACE": place_of(name)}
        theirs = None
        if name not in UNASKED:
            theirs = median(options, "orbax", orbax | place)["ms"]
            one = one or theirs
        row(name, median(options, "orbscan", ours | place), theirs, ROUNDS * ms)
    first = names(options)[0]
    with over_tls(port) as secure:
        place = {"BENCH_PLACE": place_of(first)}
        row(f"{first}, TLS", median(options, "orbscan", secure | place), None, ROUNDS * ms)
    verified = median(options, "verify", ours)
    row(WRITTEN, verified, None, None)
    count = options.checkpoints
    for seats in IN_FLIGHT:
        scanned = median(options, "scan", ours | {"BENCH_SEATS": str(seats)})["ms"]
        limit = count * REQUESTS_OF_SCAN * ms / seats
        print(
            f"  {f'scan of {count:,}, {seats} at once':<28}{one * count:>10,.0f}{'':>9}"
            f"{scanned:>9,.0f}{one * count / scanned:>7.0f}x{scanned / limit:>7.2f}x",
            flush=True,
        )


def row(name: str, ours: dict[str, float], theirs: float | None, limit: float | None) -> None:
    """Prints what a read takes."""
    warm = ours["warm"]
    share = "" if limit is None else f"{warm / limit:.2f}x"
    orbax, ratio = ("", "") if theirs is None else (f"{theirs:,.0f}", f"{theirs / warm:.1f}x")
    print(
        f"  {name:<28}{orbax:>10}{ours['cold']:>9.1f}{warm:>9.1f}{ratio:>8}{share:>8}",
        flush=True,
    )


def median(options: argparse.Namespace, what: str, variables: dict[str, str]) -> dict[str, float]:
    """The medians of what three processes measure."""
    measured = [child(options, what, variables) for _ in range(3)]
    return {name: statistics.median(each[name] for each in measured) for name in measured[0]}


def names(options: argparse.Namespace) -> list[str]:
    """The checkpoints that are read one by one."""
    return [*(f"V1, {leaves:,} leaves" for leaves in options.leaves), *PLACES]


def place_of(name: str) -> str:
    """Where a checkpoint lies in the bucket."""
    return PLACES.get(name) or f"v1-{name.split()[1].replace(',', '')}"


def save(options: argparse.Namespace) -> dict[str, float]:
    """Lets Orbax save everything; copies are what is scanned."""
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
    v0.Checkpointer(v0.PyTreeCheckpointHandler(use_ocdbt=False)).save(root / "files-25", tree(25))
    synthetic.llama(root / PLACES[STATE], "405b")
    # What each process of a large job leaves behind, of which one has merged all.
    shutil.copytree(root / "runs" / "0", root / "written")
    (process,) = (root / "written").glob("*/ocdbt.process_0")
    for number in range(1, PROCESSES):
        shutil.copytree(process, process.with_name(f"ocdbt.process_{number}"))
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

    path = f"{BUCKET}/{os.environ['BENCH_PLACE']}"
    return cold_and_warm(options, lambda: orbscan.metadata(path))


def verifies(options: argparse.Namespace) -> dict[str, float]:
    """Likewise, of a check of what many processes have written."""
    import orbscan

    return cold_and_warm(options, lambda: orbscan.verify(f"{BUCKET}/written", level="index"))


def cold_and_warm(options: argparse.Namespace, call: Callable[[], object]) -> dict[str, float]:
    """The first call and the median of the others."""
    times = [elapsed(call) for _ in range(options.runs + 1)]
    return {"cold": times[0], "warm": statistics.median(times[1:])}


def orbax_reads(_: argparse.Namespace) -> dict[str, float]:
    """The first read of this checkpoint."""
    from orbax.checkpoint import v1 as ocp

    ocp.metadata(f"{BUCKET}/warm")
    path = f"{BUCKET}/{os.environ['BENCH_PLACE']}"
    return {"ms": elapsed(lambda: ocp.metadata(path))}


def scans(options: argparse.Namespace) -> dict[str, float]:
    """A scan, with connections that are open."""
    import orbscan

    seats = int(os.environ["BENCH_SEATS"])
    given = {"max_concurrency": str(seats), "max_requests_per_second": "1000000"}

    def scan() -> None:
        found = orbscan.scan(f"{BUCKET}/runs", threads=max(64, seats), store_options=given)
        read = sum(entry.complete is True for entry in found)
        if read != options.checkpoints:
            message = f"{read} checkpoints were read"
            raise RuntimeError(message)

    scan()
    return {"ms": statistics.median(elapsed(scan) for _ in range(3))}


def elapsed(call: Callable[[], object]) -> float:
    """Milliseconds that a call takes."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


CHILDREN = {
    "save": save,
    "orbscan": orbscan_reads,
    "orbax": orbax_reads,
    "scan": scans,
    "verify": verifies,
}


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
    parser.add_argument("--leaves", type=int, nargs="+", default=[25, 1000, 10_000])
    parser.add_argument("--checkpoints", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--server", help="bucket.rs, compiled; else cargo does so")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    side_by_side.prepare()
    sys.exit(main())
