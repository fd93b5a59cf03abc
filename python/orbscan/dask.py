"""Checkpoints on [Dask](https://docs.dask.org): tables as a `dask.dataframe.DataFrame`.

Needs `pip install 'orbscan[dask]'`, in the same version on every worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from orbscan.extras import need
from orbscan.scanning.shares import DEFAULT_SHARES, Source

need("dask.dataframe", "orbscan.dask")

import dask.dataframe  # noqa: E402 - after the check that says what to install
import pandas as pd  # noqa: E402
import pyarrow as pa  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orbscan.aliases import Path, TableName
    from orbscan.scanning.shares import Share


def read_checkpoints(
    roots: Path | Iterable[Path],
    table: TableName = "leaves",
    *,
    shares: int = DEFAULT_SHARES,
    **options: Any,
) -> dask.dataframe.DataFrame:
    """Read checkpoints into a dataframe: a partition for each share of the table.

    Checkpoints are read each time the dataframe is computed. Columns have the types of Arrow, so
    that integers stay integers where some values are missing. What cannot be read is a row, as in
    every table.

    Args:
        roots: as for `orbscan.scan`; every worker must reach them by the same paths.
        table: `leaves`, `checkpoints` or `findings`.
        shares: the most shares; there are never more than checkpoints.
        options: as for `orbscan.shares`.

    Raises:
        ValueError: an argument is invalid.
    """
    source = Source(roots, table, options)
    nothing = _frame(pa.schema(source.schema()).empty_table())
    return dask.dataframe.from_map(
        _read,
        source.shares(shares),
        meta=nothing,
        label=f"orbscan-{table}",
        # Dask would otherwise assume that the same arguments give the same rows, and return earlier
        # ones.
        asked=uuid4().hex,
        enforce_metadata=False,
    )


def _read(share: Share, *, asked: str) -> pd.DataFrame:
    del asked
    return _frame(pa.table(share.read()))


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper=pd.ArrowDtype)
