"""Shares of a table, for engines and for jobs: values that can be pickled, each read by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.scanning.roots import expanded
from orbscan.scanning.tables import checkpoint_table, finding_table, leaf_table, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from orbscan import _core
    from orbscan.aliases import Path, TableName

_TABLES: dict[str, Callable[..., _core.ArrowStream]] = {
    "leaves": leaf_table,
    "checkpoints": checkpoint_table,
    "findings": finding_table,
}


class Share:
    """One of several shares of a table. Immutable; can be pickled.

    Every machine that reads one must reach the roots by the same paths, and needs the same version
    of orbscan. Options of stores are in it, and are not shown.

    Attributes:
        index: which one, from 0.
        count: of how many.
        table: `leaves`, `checkpoints` or `findings`.
    """

    __slots__ = ("_options", "_roots", "count", "index", "table")

    index: int
    count: int
    table: TableName
    _roots: tuple[str, ...]
    _options: dict[str, Any]

    def __init__(
        self,
        index: int,
        count: int,
        table: TableName,
        roots: tuple[str, ...],
        options: dict[str, Any],
    ) -> None:
        put = object.__setattr__
        put(self, "index", index)
        put(self, "count", count)
        put(self, "table", table)
        put(self, "_roots", roots)
        put(self, "_options", options)

    def read(self) -> _core.ArrowStream:
        """Read the table of this share: a stream of record batches, as `leaf_table` gives it.

        Raises:
            ValueError: as `leaf_table` does.
        """
        make = _TABLES[self.table]
        return make(self._roots, shard=(self.index, self.count), **self._options)

    def schema(self) -> _core.ArrowSchema:
        """Describe the columns; nothing is read."""
        return schema(self.table, categories=self._options.get("categories", False))

    def __setattr__(self, name: str, value: object) -> None:
        message = f"cannot assign to {name!r}: a share is immutable"
        raise AttributeError(message)

    def __repr__(self) -> str:
        return f"<Share {self.index} of {self.count} of the table of {self.table}>"

    def __reduce__(self) -> tuple[object, ...]:
        values = (self.index, self.count, self.table, self._roots, self._options)
        return (_restored, (_version(), values))


def shares(
    roots: Path | Iterable[Path],
    count: int,
    *,
    table: TableName = "leaves",
    **options: Any,
) -> list[Share]:
    """Divide a table into shares, which together have all of its rows.

    Each share has some of the checkpoints, whatever other shares there are. Nothing is read yet,
    but for patterns among the roots and an earlier table, of which each share takes its part along.

    Args:
        roots: as for `orbscan.scan`.
        count: how many.
        table: `leaves`, `checkpoints` or `findings`.
        options: as for `leaf_table`, `checkpoint_table` or `finding_table`, but for `shard`.

    Raises:
        ValueError: an argument is invalid.
        TypeError: there is no such option.

    >>> [share.index for share in shares("runs", 3)]
    [0, 1, 2]
    """
    if table not in _TABLES:
        names = ", ".join(_TABLES)
        message = f"table {table!r}: expected one of {names}"
        raise ValueError(message)
    if "shard" in options:
        message = "shares replace shard: pass only the number of shares"
        raise ValueError(message)
    if count < 1:
        message = f"count must be at least 1, not {count}"
        raise ValueError(message)
    # Mistakes show now, and not on some other machine: a table of nothing takes the same options.
    of_stores = ("store", "store_options")
    _TABLES[table]((), **{k: v for k, v in options.items() if k not in {*of_stores, "since"}})
    given = {name: options.get(name) for name in of_stores}
    texts = tuple(str(root) for root in expanded(roots, **given))
    known = _known(options.pop("since", None), count, leaves=options.get("leaves", True))
    return [
        Share(index, count, table, texts, options | ({"since": part} if part else {}))
        for index, part in enumerate(known)
    ]


def _known(since: Any, count: int, *, leaves: bool) -> list[dict[str, int]]:
    """Divide what an earlier table says among the shares."""
    known: list[dict[str, int]] = [{} for _ in range(count)]
    if since is None:
        return known
    with importing:
        from orbscan import _core
        from orbscan.scanning.earlier import fingerprints

    for path, fingerprint in fingerprints(since, leaves=leaves).items():
        index = _core.share_of(path, count)
        if index is not None:
            known[index][path] = fingerprint
    return known


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
