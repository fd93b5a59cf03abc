"""What is asked of Ray: `python -m tests.engines.on_ray ROOT SCRATCH`. Ends with 0 if all holds."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import ray
import ray.data
from ray.data.context import ShuffleStrategy

import orbscan.ray
from orbscan.cli.demo import unpack
from orbscan.scanning.shares import Share
from tests.engines import shown
from tests.engines.fleet import GROUP, TABLES, groups, largest, rows, whole

if TYPE_CHECKING:
    from orbscan import _core

PAGES = ("README.md", "docs/engines.md")


def main(root: Path, scratch: Path) -> None:
    """Asks, on a Ray of its own with two workers."""
    # What the documentation shows runs in the directory of the demo, also in the workers.
    unpack(str(scratch / "demo"))
    os.chdir(scratch / "demo")
    # By default Ray starts processes for each group-by, which takes longer than all that is asked.
    context = ray.data.DataContext.get_current()
    context.shuffle_strategy = ShuffleStrategy.SORT_SHUFFLE_PULL_BASED
    # The names of its sockets must be short.
    with TemporaryDirectory(prefix="r") as folder:
        start(folder)
        try:
            documented()
            for table in TABLES:
                asked(table, root, scratch / table)
            parts(root)
            killed(root, scratch)
            catalogue(root / "run_00", scratch / "fleet.delta")
        finally:
            ray.shutdown()


def start(folder: str) -> None:
    """Starts Ray, however long its processes take: it gives up after half a minute by itself."""
    while not ray.is_initialized():
        try:
            ray.init(
                num_cpus=2,
                include_dashboard=False,
                _node_ip_address="127.0.0.1",
                object_store_memory=200 << 20,
                log_to_driver=False,
                _temp_dir=folder,
            )
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
            ray.shutdown()


def documented() -> None:
    """Runs what the documentation shows."""
    for page in PAGES:
        for program, expected in shown.programs(page, "orbscan.ray"):
            with redirect_stdout(io.StringIO()) as printed:
                exec(program, {})  # noqa: S102
            assert printed.getvalue() == expected, (page, printed.getvalue())


def asked(table: Any, root: Path, target: Path) -> None:
    """Asks for one table: all rows, also in a file of each share, and groups."""
    dataset = orbscan.ray.read_checkpoints(root, table, shares=4, threads=2)
    dataset.write_parquet(str(target))
    assert rows(pq.read_table(target)) == rows(whole(table, root)), table
    name = GROUP[table]
    found = {row[name]: row["count()"] for row in dataset.groupby(name).count().take_all()}
    assert found == groups(table, root), (table, found)


def parts(root: Path) -> None:
    """Asks for the largest and the first rows."""
    dataset = orbscan.ray.read_checkpoints(root, shares=4)
    # No task without anything to read.
    two = [root / "run_00" / name for name in "45"]
    assert orbscan.ray.CheckpointSource(two, "leaves", 200, {}).count() == 2
    sizes = dataset.select_columns("nbytes").filter(expr="nbytes >= 0")
    first = sizes.sort("nbytes", descending=True).take(10)
    assert [row["nbytes"] for row in first] == largest(root)
    assert dataset.limit(3).count() == 3


class Deadly(Share):
    """A share that kills the worker which first reads it, in the middle of its rows."""

    __slots__ = ("mark",)

    mark: str

    def read(self) -> _core.ArrowStream:
        """Read half of it, and end if nobody did so before."""
        if not Path(self.mark).exists():
            half = pa.table(super().read())
            assert half.num_rows > 0
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read()

    def __reduce__(self) -> tuple[object, ...]:
        """Take along where it is marked that a worker was killed."""
        make, given = super().__reduce__()
        return (_deadly, (make, given, self.mark))


def _deadly(make: Any, given: Any, mark: str) -> Deadly:
    share = make(*given)
    values = [getattr(share, name) for name in ("index", "count", "table")]
    hidden = [getattr(share, name) for name in ("_roots", "_options", "_portion")]
    deadly = Deadly(*values, *hidden)
    object.__setattr__(deadly, "mark", mark)
    return deadly


def killed(root: Path, scratch: Path) -> None:
    """A worker that is killed in the middle loses nothing, and nothing comes twice."""
    source = orbscan.ray.CheckpointSource(root, "leaves", 4, {})
    every = source._source.shares(4)
    make, given = every[1].__reduce__()
    every[1] = _deadly(make, given, str(scratch / "killed"))
    dataset = ray.data.read_datasource(source, override_num_blocks=4)
    assert rows(together(dataset)) == rows(whole("leaves", root))
    assert (scratch / "killed").exists()


def catalogue(run: Path, target: Path) -> None:
    """Reads a catalogue as any Delta table."""
    orbscan.update_catalogue(target, run)
    for table, fresh in (
        ("leaves", orbscan.leaf_table(run)),
        ("checkpoints", orbscan.checkpoint_table(run)),
    ):
        wanted = pa.table(fresh)
        found = ray.data.read_delta(str(target)).filter(expr=f"rows_of == '{table}'")
        found = found.select_columns(wanted.schema.names)
        assert rows(together(found)) == rows(wanted), table


def together(dataset: Any) -> pa.Table:
    """All rows."""
    return pa.concat_tables(ray.get(dataset.to_arrow_refs()))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
