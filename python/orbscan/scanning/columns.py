"""Arrow columns of any library: libraries store text in many ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa


def comparable(column: pa.Array) -> pa.Array:
    """Return a column of text in a form that all kernels support; dictionaries stay."""
    import pyarrow as pa

    return column if pa.types.is_dictionary(column.type) else column.cast(pa.string())


def array_of(texts: Sequence[str]) -> pa.Array:
    """Return texts as an array.

    `pyarrow.array`, `scalar`, and kernels that get a plain value would import pandas to check that
    it is not one of its own: that takes longer than everything else here.
    """
    from array import array
    from itertools import accumulate

    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = array("i", accumulate(map(len, encoded), initial=0))
    buffers = [None, pa.py_buffer(ends.tobytes()), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)


def texts_of(column: pa.Array) -> list[str]:
    """Return a column of text as texts."""
    import pyarrow as pa

    texts: list[str] = as_type(column, pa.string()).to_pylist()
    return texts


def as_type(column: pa.Array, values: pa.DataType) -> pa.Array:
    """Convert a column to the type that it has in our tables; libraries store text in many ways."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        if column.type == values:
            return column
        column = column.dictionary.cast(pa.string()).take(column.indices)
    if pa.types.is_dictionary(values):
        return column.cast(pa.string()).dictionary_encode()
    return column.cast(values)


def first_rows(column: pa.Array) -> pa.Array:
    """Find the rows whose value differs from that of the row before: one for each checkpoint."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(column):
        return pa.nulls(0, pa.int64())
    values = column.indices if pa.types.is_dictionary(column.type) else column
    differs = pc.not_equal(values.slice(1), values.slice(0, len(values) - 1))
    return pc.indices_nonzero(pa.concat_arrays([pc.is_valid(values.slice(0, 1)), differs]))


def without_dictionaries(schema: pa.Schema) -> pa.Schema:
    """Return a schema in which columns of text are plain."""
    import pyarrow as pa

    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in schema
    ]
    return pa.schema(plain, schema.metadata)
