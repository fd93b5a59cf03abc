"""The values of two sides, compared leaf by leaf."""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orbscan.checking.api import verify
from orbscan.comparing.documents import difference_of_documents
from orbscan.comparing.elements import Tally
from orbscan.comparing.stored import Stored, context, parts, same_bytes
from orbscan.differing.amount import Amount, Progress
from orbscan.errors import OrbscanError
from orbscan.extras import need
from orbscan.model.item import read_json
from orbscan.places import absolute, join, url_scheme
from orbscan.reading import codes
from orbscan.reading.facts import itemsize
from orbscan.restoring.arrays import stored_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from orbscan import _core
    from orbscan.aliases import Atomicity
    from orbscan.checking.report import VerifyReport
    from orbscan.differing.amount import Leaf
    from orbscan.differing.side import Item, Side

_SCALARS = (bool, int, float, complex)


class _NoValuesError(Exception):
    """A leaf has no values that can be compared; the message says why."""


class Values:
    """Compares the values of two sides; a `differing.amount.Comparer`.

    Args:
        before: the first side.
        after: the second.
        atomicity: when a checkpoint counts as finished.
        progress: called now and then; an exception from it ends the comparison.

    Raises:
        ImportError: a side is a checkpoint, and tensorstore is not installed.
    """

    def __init__(
        self,
        before: Side,
        after: Side,
        *,
        atomicity: Atomicity,
        progress: Callable[[Progress], object] | None = None,
    ) -> None:
        if before.path or after.path:
            need("tensorstore", "comparing values")
        self._shared = context() if before.path or after.path else None
        self._sides = [_Checked(side, atomicity) for side in (before, after)]
        self._progress = progress
        self._leaves = self._nbytes = 0

    def leaf(self, before: Leaf, after: Leaf) -> Amount:
        """Compare the values of two leaves of one shape."""
        self._told()
        self._leaves += 1
        reasons, sources = [], []
        for letter, checked, leaf in zip("ab", self._sides, (before, after), strict=True):
            try:
                sources.append(checked.source(leaf, self._shared))
            except (_NoValuesError, OrbscanError) as error:
                reasons.append(f"{letter}: {error}")
        if reasons:
            return Amount(not_compared="; ".join(reasons))
        size = prod(before.summary.shape or ())
        try:
            one, two = sources
            found = self._compared(one, two, size, is_key=before.is_key or after.is_key)
        except (ValueError, OSError, OrbscanError) as error:
            # From TensorStore: its message names the chunk and the file.
            return Amount(not_compared=" ".join(str(error).split()))
        self._nbytes += size * (1 if before.is_key else itemsize(before.summary.dtype or ""))
        return found

    def documents(self, before: Item, after: Item) -> tuple[bool | None, str | None]:
        """Compare two checkpointables that are not pytrees."""
        places = []
        for side, item in zip(self._sides, (before, after), strict=True):
            if side.path is None or item.name is None:
                return None, "not compared: it has no files"
            if url_scheme(side.path) is not None:
                return None, "not compared: it lies in a store, not on a disk"
            places.append(Path(side.path, item.name))
        try:
            where = difference_of_documents(*places)
        except OSError as error:
            return None, f"not compared: {error.filename}: {error.strerror}"
        return where is None, where

    def _compared(self, before: Any, after: Any, size: int, *, is_key: bool) -> Amount:
        if isinstance(before, str) or isinstance(after, str):
            return Amount(int(before != after), 1, before=before, after=after, decoded=True)
        if isinstance(before, Stored) and isinstance(after, Stored):
            try:
                alike = same_bytes(before, after, self._told)
            except ValueError:
                # The meaning of the bytes is determined where they are decoded.
                alike = False
            if alike:
                return Amount(elements=size)
        tally = Tally(keys=is_key)
        shape, chunk = _shape(before), _chunk(before, after)
        if is_key:
            # The data of a key lies in the last dimension.
            chunk = (*chunk[:-1], *shape[-1:])
        for box in parts(shape, chunk):
            self._told()
            begun = [_begin(each, box) for each in (before, after)]
            tally.add(*(_end(each) for each in begun))
        amount = tally.amount()
        if shape or is_key or not amount.differing:
            return amount
        values = (_end(_begin(each, ())).item() for each in (before, after))
        one, two = (each if isinstance(each, _SCALARS) else float(each) for each in values)
        return amount._replace(before=one, after=two)

    def _told(self) -> None:
        if self._progress is not None:
            self._progress(Progress(self._nbytes, self._leaves))


class _Checked:
    """A side, and which of its leaves have lost chunks."""

    def __init__(self, side: Side, atomicity: Atomicity) -> None:
        self.path = side.path
        self._side = side
        self._atomicity = atomicity
        self._report: VerifyReport | None = None
        self._lost: dict[tuple[str | None, str], str] = {}
        self._texts: dict[str | None, Any] = {}

    def source(self, leaf: Leaf, shared: Any) -> Any:
        """Find the values of a leaf: `Stored`, an array or number, or a string.

        Raises:
            _NoValuesError: it has none, or they are lost.
            OrbscanError: they cannot be read.
        """
        item, node = leaf.item, leaf.node
        if self.path is None:
            return _in_memory(item, node)
        table: _core.LeafTable = item.origin
        directory = join(self.path, *([] if item.name is None else [item.name]))
        name = table.stored_name(node) or ""
        if table.leaves[table.node_leaves[node]][0] == codes.STRING:
            return self._text(item.name, name, directory)
        self._check()
        if (reason := self._lost.get((item.name, name))) is not None:
            raise _NoValuesError(reason)
        found = Stored(stored_array(table, node, name, absolute(directory)), shared)
        if self._report is not None and self._report.part is not None and not found.is_whole:
            message = "a part of it is held by another host"
            raise _NoValuesError(message)
        return found

    def _check(self) -> None:
        """Look once for lost chunks, which TensorStore would read as fill values."""
        if self._report is not None or self.path is None:
            return
        chosen = self._side.items[0].name if self._side.chosen else ...
        self._report = verify(self.path, chosen, atomicity=self._atomicity)
        told = {
            (finding.checkpointable, finding.param_name): finding
            for finding in reversed(self._report.findings)
            if finding.severity == "error" and finding.param_name is not None
        }
        for leaf in self._report.lost_leaves:
            finding = told.get((leaf.checkpointable, leaf.param_name))
            reason = "it is lost, as orbscan verify reports"
            if finding is not None:
                reason = finding.reason
                reason += "" if finding.chunks is None else f": {finding.chunks}"
            self._lost[leaf.checkpointable, leaf.param_name] = reason

    def _text(self, item: str | None, name: str, directory: str) -> str:
        if item not in self._texts:
            self._texts[item] = read_json(join(directory, "_strings.json"))
        texts = self._texts[item]
        if not isinstance(texts, dict) or not isinstance(texts.get(name), str):
            message = "_strings.json does not have it"
            raise _NoValuesError(message)
        text: str = texts[name]
        return text


def _in_memory(item: Item, node: int) -> Any:
    """The values of a leaf of a tree in memory."""
    value: Any = None if item.origin is None else item.origin[node]
    if isinstance(value, (str, *_SCALARS)):
        return value
    if isinstance(value, type) or not hasattr(value, "__array__"):
        message = "has no values"
        raise _NoValuesError(message)
    dtype = getattr(value, "dtype", None)
    if "jax" in sys.modules and str(dtype).startswith("key<"):
        import jax

        return jax.random.key_data(value)
    return value


def _begin(source: Any, box: Any) -> Any:
    if isinstance(source, Stored):
        return source.read(box)
    return source[box] if box else source


def _end(begun: Any) -> Any:
    import numpy as np

    return np.asarray(begun.result() if hasattr(begun, "result") else begun)


def _shape(source: Any) -> tuple[int, ...]:
    if isinstance(source, Stored):
        source = source.values
    return tuple(getattr(source, "shape", ()))


def _chunk(before: Any, after: Any) -> tuple[int, ...]:
    """The chunk by which two arrays are cut into parts: the larger, so that few are read twice."""
    known = [each.chunk for each in (before, after) if isinstance(each, Stored)]
    return max(known or [_shape(before)], key=prod)
