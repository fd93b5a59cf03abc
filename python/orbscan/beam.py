"""Checkpoints on [Apache Beam](https://beam.apache.org): tables as a `PCollection`.

Needs `pip install 'orbscan[beam]'`, in the same version on every worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan.extras import need
from orbscan.scanning.shares import DEFAULT_SHARES, Source

need("apache_beam", "orbscan.beam")

import apache_beam as beam  # noqa: E402 - after the check that says what to install
import pyarrow as pa  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan.aliases import Path, TableName
    from orbscan.scanning.shares import Share


class ReadCheckpoints(beam.PTransform):
    """Reads checkpoints into a collection of `pyarrow.Table`, each with some rows.

    Checkpoints are read when the pipeline runs, and again by another worker if one is lost. What
    cannot be read is a row, as in every table. `beam.io.WriteToParquetBatched` takes the tables as
    they are, `beam.FlatMap(pyarrow.Table.to_pylist)` makes a dict of each row.

    Args:
        roots: as for `orbscan.scan`; every worker must reach them by the same paths.
        table: `leaves`, `checkpoints` or `findings`.
        shares: the most shares; there are never more than checkpoints.
        options: as for `orbscan.shares`.

    Raises:
        ValueError: an argument is invalid.
    """

    def __init__(
        self,
        roots: Path | Iterable[Path],
        table: TableName = "leaves",
        *,
        shares: int = DEFAULT_SHARES,
        **options: Any,
    ) -> None:
        super().__init__()
        self._source = Source(roots, table, options)
        self._shares = shares

    @property
    def schema(self) -> pa.Schema:
        """The columns, as the sinks of Beam expect them."""
        return pa.schema(self._source.schema())

    def expand(self, begin: beam.pvalue.PBegin) -> beam.PCollection[pa.Table]:
        """Make a collection of the shares, distribute it over the workers, and read each."""
        shares = self._source.shares(self._shares)
        return (
            begin
            | "shares" >> beam.Create(shares, reshuffle=False)
            | "spread" >> beam.Reshuffle()
            | "read" >> beam.FlatMap(_read).with_output_types(pa.Table)
        )


def _read(share: Share) -> Iterator[pa.Table]:
    for batch in pa.RecordBatchReader.from_stream(share.read()):
        yield pa.Table.from_batches([batch])
