"""Checkpoints on [Daft](https://docs.daft.ai): tables as a `daft.DataFrame`.

Needs `pip install 'orbscan[daft]'`, in the same version on every worker.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from orbscan.extras import need
from orbscan.scanning.shares import DEFAULT_SHARES, Source

need("daft", "orbscan.daft")

import daft  # noqa: E402 - after the check that says what to install
import pyarrow as pa  # noqa: E402
from daft.io.source import DataSource, DataSourceTask  # noqa: E402
from daft.recordbatch import RecordBatch  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from daft.io.pushdowns import Pushdowns

    from orbscan.aliases import Path, TableName
    from orbscan.scanning.shares import Share


def read_checkpoints(
    roots: Path | Iterable[Path],
    table: TableName = "leaves",
    *,
    shares: int = DEFAULT_SHARES,
    **options: Any,
) -> daft.DataFrame:
    """Read checkpoints into a dataframe: a task for each share of the table.

    Checkpoints are read when the dataframe is collected. What cannot be read is a row, as in every
    table.

    Args:
        roots: as for `orbscan.scan`; every worker must reach them by the same paths.
        table: `leaves`, `checkpoints` or `findings`.
        shares: the most shares; there are never more than checkpoints.
        options: as for `orbscan.shares`.

    Raises:
        ValueError: an argument is invalid.
    """
    return CheckpointSource(Source(roots, table, options), shares).read()


class CheckpointSource(DataSource):
    """The source from which Daft reads a table."""

    def __init__(self, source: Source, shares: int) -> None:
        self._source = source
        self._shares = shares

    @property
    def name(self) -> str:
        """The name in plans."""
        return f"Checkpoints({self._source.table})"

    @property
    def schema(self) -> daft.Schema:
        """Describe the columns."""
        return _schema_of(self._source)

    async def get_tasks(self, pushdowns: Pushdowns) -> AsyncIterator[DataSourceTask]:
        """Return a task for each share."""
        del pushdowns
        for share in await asyncio.to_thread(self._source.shares, self._shares):
            yield CheckpointTask(share)


class CheckpointTask(DataSourceTask):
    """Reads a share, batch by batch."""

    def __init__(self, share: Share) -> None:
        self._share = share

    @property
    def schema(self) -> daft.Schema:
        """Describe the columns."""
        return _schema_of(self._share)

    async def read(self) -> AsyncIterator[RecordBatch]:
        """Read it in a thread, so that the event loop of Daft continues meanwhile."""
        reader = pa.RecordBatchReader.from_stream(self._share.read())
        while (batch := await asyncio.to_thread(next, reader, None)) is not None:
            yield RecordBatch.from_arrow_record_batches([batch], batch.schema)


def _schema_of(table: Source | Share) -> daft.Schema:
    return daft.Schema.from_pyarrow_schema(pa.schema(table.schema()))
