"""Element types by their names."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from orbscan.errors import FormatError
from orbscan.model.dtypes import dtype_named

NUMPY_NAMES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
ML_NAMES = [
    *("bfloat16", "int2", "int4", "float4_e2m1fn", "float8_e3m4", "float8_e4m3b11fnuz"),
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"),
]


@pytest.mark.parametrize("name", NUMPY_NAMES)
def test_numpy_types_are_found_by_name(name: str) -> None:
    assert dtype_named(name) == np.dtype(name)
    assert dtype_named(name) is dtype_named(name)


@pytest.mark.parametrize("name", ML_NAMES)
def test_the_other_types_come_from_ml_dtypes(name: str) -> None:
    assert dtype_named(name).type is getattr(ml_dtypes, name)
    assert str(dtype_named(name)) == name


def test_a_type_that_ml_dtypes_lacks_is_named() -> None:
    with pytest.raises(FormatError, match="float3_e1m1") as caught:
        dtype_named("float3_e1m1")
    assert caught.value.kind == "unsupported"
