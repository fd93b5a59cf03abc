"""Checkpoints on [Spark](https://spark.apache.org): tables as a source of data.

Needs `pip install 'orbscan[spark]'`, in the same version on every node, and Spark 4 or newer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from orbscan.extras import need
from orbscan.scanning.shares import DEFAULT_SHARES, Source
from orbscan.scanning.tables import schema

need("pyspark.sql.datasource", "orbscan.spark")

import pyarrow as pa  # noqa: E402 - after the check that says what to install
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition  # noqa: E402
from pyspark.sql.pandas.types import from_arrow_schema  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql.types import StructType

    from orbscan.aliases import TableName

_TEXTS = frozenset({"atomicity", "level", "match", "since"})
"""Options whose values are texts, whatever they look like."""


class CheckpointSource(DataSource):
    """The format `orbscan`: `spark.read.format("orbscan").option("latest", 3).load("runs")`.

    Register it once in a session: `spark.dataSource.register(CheckpointSource)`. Checkpoints are
    read when the table is, with a task for each share of it. What cannot be read is a row, as in
    every table.

    Options are `table`, `shares` (their number), and everything that `orbscan.shares` takes.
    Options of Spark are texts, so a list or a mapping is written as JSON:
    `.option("steps", "[1000, 2000]")`, `.option("store_options", '{"skip_signature": "true"}')`.

    Raises:
        ValueError: an option is invalid, or there is no path.
    """

    @classmethod
    def name(cls) -> str:
        """The name of the format."""
        return "orbscan"

    def schema(self) -> StructType:
        """Describe the columns."""
        return from_arrow_schema(pa.schema(schema(_table_of(self.options))))

    def reader(self, schema: StructType) -> CheckpointReader:
        """Divide the table into shares."""
        del schema
        return CheckpointReader(self.options)


class CheckpointReader(DataSourceReader):
    """Reads the shares of a table."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._count = DEFAULT_SHARES
        keywords = {}
        for name, text in options.items():
            if name == "shares":
                self._count = int(text)
            elif name not in {"path", "paths", "table"}:
                keywords[name] = text if name in _TEXTS else _value(text)
        if keywords.get("categories"):
            message = "Spark has no columns with categories: leave the option out"
            raise ValueError(message)
        if isinstance(keywords.get("steps"), list):
            keywords["steps"] = tuple(keywords["steps"])
        self._source = Source(_roots_of(options), _table_of(options), keywords)

    def partitions(self) -> Sequence[InputPartition]:
        """Return a task for each share."""
        return [InputPartition(share) for share in self._source.shares(self._count)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        """Read a share, batch by batch."""
        yield from pa.RecordBatchReader.from_stream(partition.value.read())


def _table_of(options: Mapping[str, str]) -> TableName:
    # An invalid value is refused by the function that gets it.
    return cast("TableName", options.get("table", "leaves"))


def _roots_of(options: Mapping[str, str]) -> list[str]:
    several = options.get("paths")
    roots = [options["path"]] if "path" in options else json.loads(several) if several else []
    if not roots:
        message = 'no path: end with .load("runs")'
        raise ValueError(message)
    return roots


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
