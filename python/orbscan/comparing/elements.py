"""Where two arrays differ, and by how much: summed up part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from orbscan.differing.amount import Amount

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = 1 << 20
"""Elements that are compared at a time: intermediate results take several times as much memory as
they do."""


class Tally:
    """The differences found so far between two arrays, from parts in the same places.

    Args:
        keys: whether the last dimension is the data of one PRNG key; keys are compared as wholes.
    """

    def __init__(self, *, keys: bool = False) -> None:
        self._keys = keys
        self._differing = self._elements = 0
        self._max_abs: float | None = None
        self._max_rel: float | None = None
        self._only_nan = [0, 0]

    def add(self, before: Any, after: Any) -> None:
        """Compare two parts of the same shape."""
        before, after = np.asarray(before), np.asarray(after)
        if self._keys:
            differ = (before != after).any(axis=-1)
            self._differing += int(differ.sum())
            self._elements += int(differ.size)
            return
        for one, other in zip(_parts(before), _parts(after), strict=True):
            self._elements += one.size
            self._compare(*_comparable(one, other))

    def amount(self) -> Amount:
        """Return the result of all parts."""
        nan, other_nan = self._only_nan
        return Amount(
            self._differing,
            self._elements,
            self._max_abs,
            self._max_rel,
            (nan, other_nan),
            decoded=True,
        )

    def _compare(self, before: Any, after: Any) -> None:
        differ = before != after
        if before.dtype.kind in "fc":
            nan, other_nan = np.isnan(before), np.isnan(after)
            differ &= ~(nan & other_nan)
            self._only_nan[0] += int((nan & ~other_nan).sum())
            self._only_nan[1] += int((other_nan & ~nan).sum())
            measured = differ & ~(nan | other_nan)
        else:
            measured = differ
        self._differing += int(differ.sum())
        if before.dtype.kind != "b" and measured.any():
            self._measure(before[measured], after[measured])

    def _measure(self, before: Any, after: Any) -> None:
        if before.dtype.kind in "iu":
            # Modulo the size of the type, and therefore exact whatever the signs.
            low, high = np.minimum(before, after), np.maximum(before, after)
            distance = high.astype(np.uint64) - low.astype(np.uint64)
            largest: float = int(distance.max())
            magnitudes = [np.abs(each.astype(np.float64)) for each in (low, high)]
        else:
            magnitudes = [np.abs(before), np.abs(after)]
            with np.errstate(invalid="ignore", over="ignore"):
                distance = np.abs(before - after)
            largest = float(distance.max())
        with np.errstate(invalid="ignore"):
            relative = distance / np.maximum(*magnitudes)
        # Between a finite value and infinity.
        relative = np.where(np.isnan(relative), np.inf, relative)
        self._max_abs = largest if self._max_abs is None else max(self._max_abs, largest)
        self._max_rel = max(self._max_rel or 0.0, float(relative.max()))


def _parts(array: Any) -> Iterator[Any]:
    flat = array.reshape(-1)
    for first in range(0, flat.size, _PART):
        yield flat[first : first + _PART]


def _comparable(before: Any, after: Any) -> tuple[Any, Any]:
    """Two arrays in one type in which they can be subtracted without loss."""
    before, after = _plain(before), _plain(after)
    kinds = {before.dtype.kind, after.dtype.kind}
    if kinds == {"b"} or (kinds <= {"i", "u"} and before.dtype == after.dtype):
        return before, after
    wide = np.complex128 if "c" in kinds else np.float64
    return before.astype(wide), after.astype(wide)


def _plain(array: Any) -> Any:
    """An array whose type is numpy's own."""
    if array.dtype.kind in "biufc":
        return array
    # bfloat16, float8 and integers of few bits, from ml_dtypes.
    name = array.dtype.name
    if name.startswith("uint"):
        return array.astype(np.uint8)
    return array.astype(np.int8 if name.startswith("int") else np.float32)
