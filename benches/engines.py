"""Times the table of leaves of two thousand checkpoints on each engine, beside one machine.

    python -m benches.engines [NAME ...]

Each engine runs in its environment below `.venv-engines`, which `make test-engines` makes, and Ray
in that of the project. `start` is the import of the engine and the start of what it runs on, with
two workers; `first` is the first table that it gives, and `again` the median of the following ones.
All take four shares. An engine that is not installed is named, with what installs it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.engines import fleet

if TYPE_CHECKING:
    from collections.abc import Callable

TOP = Path(__file__).parents[1]
SHARES = 4
WORKERS = 2
ROUNDS = 5
# What an engine says of itself, and where it runs.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    "SPARK_LOCAL_IP": "127.0.0.1",
}


def on_one_machine(stack: ExitStack) -> Callable[[str], int]:
    """No engine."""
    del stack
    import orbscan

    def read(root: str) -> int:
        import pyarrow as pa

        return int(pa.table(orbscan.leaf_table(root, threads=WORKERS)).num_rows)

    return read


def on_ray(stack: ExitStack) -> Callable[[str], int]:
    """Ray, on a cluster of its own."""
    import ray
    import ray.data

    import orbscan.ray

    # The names of its sockets must be short.
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="r"))
    ray.init(
        num_cpus=WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=200 << 20,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    stack.callback(ray.shutdown)
    return lambda root: orbscan.ray.read_checkpoints(root, shares=SHARES).materialize().count()


def on_spark(stack: ExitStack) -> Callable[[str], int]:
    """Spark, with its workers in this process's Java."""
    from pyspark.sql import SparkSession

    from orbscan.spark import CheckpointSource

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{WORKERS}]")
    for name, value in {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    stack.callback(session.stop)
    session.dataSource.register(CheckpointSource)
    source = session.read.format("orbscan").options(shares=SHARES)
    return lambda root: int(source.load(root).toArrow().num_rows)


def on_dask(stack: ExitStack) -> Callable[[str], int]:
    """Dask, with worker processes."""
    from distributed import Client, LocalCluster

    from orbscan.dask import read_checkpoints

    options: dict[str, Any] = {"n_workers": WORKERS, "threads_per_worker": 1, "host": "127.0.0.1"}
    cluster = stack.enter_context(LocalCluster(dashboard_address=None, **options))
    stack.enter_context(Client(cluster))
    return lambda root: len(read_checkpoints(root, shares=SHARES).compute())


def on_beam(stack: ExitStack) -> Callable[[str], int]:
    """Beam's runner for one machine, with worker processes."""
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from orbscan.beam import ReadCheckpoints

    folder = stack.enter_context(tempfile.TemporaryDirectory())
    options = {"direct_running_mode": "multi_processing", "direct_num_workers": WORKERS}

    def read(root: str) -> int:
        target = Path(folder, "rows")
        with beam.Pipeline(options=PipelineOptions.from_dictionary(options)) as pipeline:
            tables = pipeline | ReadCheckpoints(root, shares=SHARES)
            sizes = tables | beam.Map(lambda table: table.num_rows)
            total = sizes | beam.CombineGlobally(sum)
            total | beam.io.WriteToText(str(target), shard_name_template="")
        return int(target.read_text("utf-8"))

    return read


def on_daft(stack: ExitStack) -> Callable[[str], int]:
    """Daft's own runner, with threads."""
    del stack
    from orbscan.daft import read_checkpoints

    return lambda root: int(read_checkpoints(root, shares=SHARES).to_arrow().num_rows)


ENGINES = {
    "one machine": on_one_machine,
    "ray": on_ray,
    "spark": on_spark,
    "dask": on_dask,
    "beam": on_beam,
    "daft": on_daft,
}


def main() -> int:
    """Makes the checkpoints, times each engine in a process of its own, and prints a table."""
    parser = argparse.ArgumentParser(prog="benches.engines", description=_summary())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "ROOT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*options.child)))
        return 0
    names = options.names or [*ENGINES]
    if unknown := [name for name in names if name not in ENGINES]:
        parser.error(f"no such engine: {', '.join(unknown)}")
    with tempfile.TemporaryDirectory() as folder:
        root = fleet.made(Path(folder))
        print(f"the table of leaves of {fleet.COUNT:,} checkpoints, in {SHARES} shares")
        print(f"{'engine':<14}{'start s':>10}{'first s':>10}{'again s':>10}{'rows':>10}")
        for name in names:
            python = interpreter(name)
            if python is None:
                print(f"{name:<14}not installed: make test-engines ENGINES={name}", flush=True)
                continue
            start, first, again, rows = child(python, name, root)
            print(f"{name:<14}{start:>10.2f}{first:>10.2f}{again:>10.2f}{rows:>10,}", flush=True)
    return 0


def _summary() -> str:
    return (__doc__ or "").partition("\n")[0]


def interpreter(name: str) -> str | None:
    """The Python of the environment that has an engine; None if there is none."""
    if name in ("one machine", "ray"):
        return sys.executable
    python = TOP / ".venv-engines" / name / "bin" / "python"
    return str(python) if python.exists() else None


def child(python: str, name: str, root: Path) -> list[Any]:
    """Times one engine in a process of its own; what engines say while they work is not shown.

    Raises:
        RuntimeError: it failed; has what was said then.
    """
    command = [python, "-m", "benches.engines", "--child", name, str(root)]
    paths = os.pathsep.join([str(TOP / "python"), str(TOP)])
    own = {**os.environ, **QUIET, "PYTHONPATH": paths}
    done = subprocess.run(command, cwd=TOP, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{name} ended with {done.returncode}: {done.stderr}"
        raise RuntimeError(message)
    found: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(name: str, root: str) -> tuple[float, float, float, int]:
    """Seconds to start, for the first table and for the others, and the rows of each."""
    with ExitStack() as stack:
        begun = time.perf_counter()
        read = ENGINES[name](stack)
        start = time.perf_counter() - begun
        took, rows = [], set()
        for _ in range(1 + ROUNDS):
            begun = time.perf_counter()
            rows.add(read(root))
            took.append(time.perf_counter() - begun)
    (count,) = rows
    return start, took[0], median(took[1:]), count


if __name__ == "__main__":
    sys.exit(main())
