"""Shares of a table, for engines and for jobs: picklable values, each of which is read alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.scanning.division import Portion, divided, give_earlier
from orbscan.scanning.roots import expanded, placed
from orbscan.scanning.tables import (
    checkpoint_table,
    finding_table,
    leaf_table,
    schema,
    stream_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orbscan import _core
    from orbscan.aliases import Path, TableName

DEFAULT_SHARES = 64
"""The number of shares if an engine does not choose it: many more than it has workers, so that none
of these ends long after the others."""

PART_BYTES = 16 << 30
"""The maximum part of a checkpoint that one share checks, in bytes: ten seconds to a minute."""

_TABLES: dict[str, Callable[..., _core.ArrowStream]] = {
    "leaves": leaf_table,
    "checkpoints": checkpoint_table,
    "findings": finding_table,
}

_OF_STORES = ("store", "store_options")


class Share:
    """One of several shares of a table. Immutable; can be pickled.

    Every machine that reads one must reach the roots by the same paths, and needs the same version
    of orbscan. It contains options of stores, which are not shown.

    Attributes:
        index: the index of the share, from 0.
        count: the number of shares.
        table: `leaves`, `checkpoints` or `findings`.
    """

    __slots__ = ("_options", "_portion", "_roots", "count", "index", "table")

    index: int
    count: int
    table: TableName
    _roots: tuple[str, ...]
    _options: dict[str, Any]
    _portion: Portion

    def __init__(  # noqa: PLR0913, PLR0917 - its attributes
        self,
        index: int,
        count: int,
        table: TableName,
        roots: tuple[str, ...],
        options: dict[str, Any],
        portion: Portion,
    ) -> None:
        put = object.__setattr__
        put(self, "index", index)
        put(self, "count", count)
        put(self, "table", table)
        put(self, "_roots", roots)
        put(self, "_options", options)
        put(self, "_portion", portion)

    def read(self) -> _core.ArrowStream:
        """Read the table of this share: a stream of record batches, as `leaf_table` gives it.

        A directory that was seen when the table was divided, but is missing here, is a row with an
        error.

        Raises:
            ValueError: as `leaf_table` does.
        """
        portion = self._portion
        options = self._options | ({"since": portion.since} if portion.since else {})
        if portion.parts:
            options["parts"] = portion.parts
        return stream_of(self.table, self._roots, pieces=portion.pieces, **options)

    def schema(self) -> _core.ArrowSchema:
        """Describe the columns; nothing is read."""
        return schema(self.table, categories=self._options.get("categories", False))

    def __setattr__(self, name: str, value: object) -> None:
        message = f"cannot assign to {name!r}: a share is immutable"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"<Share {self.index} of {self.count} of the table of {self.table}>"

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.index, self.count, self.table, self._roots, self._options, self._portion)
        return (_restored, (_version(), given))


class Source:
    """A table that an engine reads: wrong arguments are reported at once.

    Nothing is listed before the table is divided.
    """

    def __init__(
        self, roots: Path | Iterable[Path], table: TableName, options: dict[str, Any]
    ) -> None:
        _check(table, options)
        self._roots = [roots] if isinstance(roots, str | os.PathLike) else [*roots]
        self.table = table
        self._options = options
        self._divided: dict[int, list[Share]] = {}

    def __getstate__(self) -> dict[str, Any]:
        # A reader of one share does not need the others.
        return self.__dict__ | {"_divided": {}}

    def schema(self) -> _core.ArrowSchema:
        """Describe the columns; nothing is read."""
        return schema(self.table, categories=self._options.get("categories", False))

    def shares(self, most: int) -> list[Share]:
        """Divide it; an engine may call this more than once while it plans.

        There are fewer than `most` shares if there is less to divide: a task without anything to
        read takes an engine as long as one that reads a hundred checkpoints.
        """
        if most not in self._divided:
            self._divided[most] = _shares(
                self._roots, most, table=self.table, exact=False, **self._options
            )
        return self._divided[most]


def shares(
    roots: Path | Iterable[Path],
    count: int,
    *,
    table: TableName = "leaves",
    part_bytes: int = PART_BYTES,
    **options: Any,
) -> list[Share]:
    """Divide a table into shares, which together have all of its rows.

    The directories above the checkpoints are listed here, until there are enough to divide, and no
    share lists them again: in a bucket, all shares together make few more requests than one scan
    would. A directory that cannot be listed here is left to one of the shares, undivided. No
    checkpoint is read, but for checks at the level `data` the size of each is determined, so that
    no share has much more to read than the others.

    Args:
        roots: as for `orbscan.scan`.
        count: the number of shares.
        table: `leaves`, `checkpoints` or `findings`.
        part_bytes: for the table of findings at the level `data`: a checkpoint with more bytes is
            checked in several parts, whose rows `orbscan.merge_findings` combines.
        options: as for `leaf_table`, `checkpoint_table` or `finding_table`, except `shard`.

    Raises:
        ValueError: an argument is invalid.
        TypeError: there is no such option.

    >>> [share.index for share in shares("runs", 3)]
    [0, 1, 2]
    """
    return _shares(roots, count, table=table, part_bytes=part_bytes, exact=True, **options)


def _shares(
    roots: Path | Iterable[Path],
    count: int,
    *,
    table: TableName,
    part_bytes: int = PART_BYTES,
    exact: bool,
    **options: Any,
) -> list[Share]:
    """As `shares`; `exact` as for `division.divided`."""
    _check(table, options)
    for name, number in (("count", count), ("part_bytes", part_bytes)):
        if number < 1:
            message = f"{name} must be at least 1, not {number}"
            raise ValueError(message)
    since = options.pop("since", None)
    of_store = {name: options.get(name) for name in _OF_STORES}
    texts = tuple(str(root) for root in expanded(roots, **of_store))
    with_store = placed(texts, **of_store)
    by_size = table == "findings" and options.get("level") == "data"
    portions = divided(
        with_store, count, options, part_bytes=part_bytes if by_size else None, exact=exact
    )
    if since is not None:
        with importing:
            from orbscan.scanning.earlier import fingerprints

        known = fingerprints(since, leaves=options.get("leaves", True))
        give_earlier(known, portions, texts)
    return [
        Share(index, len(portions), table, texts, options, portion)
        for index, portion in enumerate(portions)
    ]


def _check(table: TableName, options: dict[str, Any]) -> None:
    """Check the arguments here, and not on some other machine.

    Raises as `shares` does.
    """
    if table not in _TABLES:
        names = ", ".join(_TABLES)
        message = f"table {table!r}: expected one of {names}"
        raise ValueError(message)
    if "shard" in options:
        message = "shares replace shard: pass only the number of shares"
        raise ValueError(message)
    # A table of nothing accepts the same options.
    later = {*_OF_STORES, "since", "part_bytes"}
    _TABLES[table]((), **{name: value for name, value in options.items() if name not in later})


def _version() -> str:
    from orbscan import _core

    return _core.__version__


def _restored(version: str, values: tuple[Any, ...]) -> Share:
    if version != _version():
        message = (
            f"this share was made by orbscan {version} and cannot be read by orbscan {_version()}:"
            " install the same version on every machine"
        )
        raise ValueError(message)
    return Share(*values)
