"""Checkpoints on [Ray](https://docs.ray.io): tables as a `ray.data.Dataset`.

Needs `pip install 'orbscan[ray]'`, in the same version on every node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.extras import need
from orbscan.scanning.shares import Source

need("ray.data", "orbscan.ray")

import pyarrow as pa  # noqa: E402 - after the check that says what to install
import ray.data  # noqa: E402
from ray.data.block import BlockMetadata  # noqa: E402
from ray.data.datasource import Datasource, ReadTask  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan.aliases import Path, TableName
    from orbscan.scanning.shares import Share


def read_checkpoints(
    roots: Path | Iterable[Path],
    table: TableName = "leaves",
    *,
    shares: int | None = None,
    **options: Any,
) -> ray.data.Dataset:
    """Read checkpoints into a dataset: a read task for each share of the table.

    Directories are listed here. Checkpoints are read when the dataset is, by as many concurrent
    tasks as Ray chooses, and again on another node if one is lost. What cannot be read is a row, as
    in every table.

    Args:
        roots: as for `orbscan.scan`; every node must reach them by the same paths.
        table: `leaves`, `checkpoints` or `findings`.
        shares: the most shares; None for as many as Ray has tasks by default, or twice the number
            of its CPUs. There are never more shares than checkpoints.
        options: as for `orbscan.shares`.

    Raises:
        ValueError: an argument is invalid.
    """
    source = CheckpointSource(roots, table, _most() if shares is None else shares, options)
    # By itself, Ray would make hundreds of tasks to read a few checkpoints.
    dataset: ray.data.Dataset = ray.data.read_datasource(source, override_num_blocks=source.count())
    return dataset


def _most() -> int:
    """The number of tasks with which Ray reads data by default."""
    known = ray.cluster_resources() if ray.is_initialized() else {}  # type: ignore[no-untyped-call]
    return max(
        ray.data.DataContext.get_current().read_op_min_num_blocks, 2 * int(known.get("CPU", 1))
    )


class CheckpointSource(Datasource):
    """The source from which Ray reads a table."""

    def __init__(
        self,
        roots: Path | Iterable[Path],
        table: TableName,
        shares: int,
        options: dict[str, Any],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # parts of Ray have no types
        self._source = Source(roots, table, options)
        self._shares = shares

    def count(self) -> int:
        """Return the number of tasks."""
        return len(self._source.shares(self._shares))

    def get_name(self) -> str:
        """The name in Ray's display of progress."""
        return f"Checkpoints({self._source.table})"

    def estimate_inmemory_data_size(self) -> int | None:
        """Return that it is not known."""
        return None

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[ReadTask]:
        """Divide the table into tasks."""
        # What Ray asks for is what this has said, or what a user overrides.
        del data_context, parallelism
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(
                _Read(share),
                unknown,
                schema=pa.schema(self._source.schema()),
                per_task_row_limit=per_task_row_limit,
            )
            for share in self._source.shares(self._shares)
        ]


class _Read:
    """Reads a share, batch by batch."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def __call__(self) -> Iterator[pa.Table]:
        reader = pa.RecordBatchReader.from_stream(self._share.read())
        # A task must return at least one batch.
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])
