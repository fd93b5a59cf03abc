"""Element types by their names."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from orbscan import errors
from orbscan._imports import importing

if TYPE_CHECKING:
    from orbscan.aliases import ErrorKind

_NUMPY_DTYPES = frozenset(
    {
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    }
)


@cache
def dtype_named(name: str) -> np.dtype[Any]:
    """Look up an element type by its name in numpy or ml_dtypes.

    Raises:
        FormatError: the installed ml_dtypes lacks the type.

    >>> dtype_named("float32")
    dtype('float32')
    """
    if name in _NUMPY_DTYPES:
        return np.dtype(name)
    with importing:
        import ml_dtypes

    scalar_type = getattr(ml_dtypes, name, None)
    if scalar_type is None:
        kind: ErrorKind = "unsupported"
        reason = f"ml_dtypes {ml_dtypes.__version__} lacks the type {name}"
        raise errors.error(kind, reason)
    dtype: np.dtype[Any] = np.dtype(scalar_type)
    return dtype
