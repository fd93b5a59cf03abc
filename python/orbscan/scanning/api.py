"""Many checkpoints at once: found below directories, read concurrently, yielded one by one.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from operator import index

from orbscan._imports import importing
from orbscan.scanning.roots import expanded, placed
from orbscan.scanning.running import Scan

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from orbscan import _core
    from orbscan.aliases import Atomicity, Path, StoreOptions
    from orbscan.scanning.options import Since, StepRange

_LAST_STEP = (1 << 64) - 1
_MOST = (1 << 64) - 1

MOST_THREADS = 1_024
"""More threads would only wait for each other."""


def scan(  # noqa: PLR0913 - keywords, each with a meaning of its own
    roots: Path | Iterable[Path],
    *,
    steps: StepRange | None = None,
    latest: int | None = None,
    committed: bool | None = None,
    match: str | None = None,
    exclude: str | Iterable[str] = (),
    leaves: bool = True,
    shardings: bool = True,
    ordered: bool = False,
    threads: int | None = None,
    since: Since | None = None,
    shard: tuple[int, int] | None = None,
    rich_types: bool = False,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
) -> Scan:
    """Search for checkpoints and read the metadata of each.

    A bad checkpoint, directory or file never ends a scan; it is reported as an entry. The walk does
    not go into checkpoints, and follows links to directories unless they lead to a place that is
    searched anyway.

    Args:
        roots: one path or many. Each is a directory to search, a checkpoint, or a pattern such as
            `runs/*/checkpoints`, unless a path with exactly that name exists. A root that is given
            twice is searched once; a checkpoint in two roots is reported once, as below the inner
            one.
        steps: only these: a number, a range without gaps, or a tuple of the first and the last,
            either of which may be None. A checkpoint whose name has no number is then left out.
        latest: only the newest steps of each directory, this many.
        committed: True for finished checkpoints only, False for unfinished ones only.
        match: only checkpoints whose relative path matches: `*` and `?` stay within a level,
            `**` does not, `[0-9]` is a set of characters, `{8..12}` a number. docs/patterns.md has
            all of it.
        exclude: one or several such patterns: a directory whose path from the root matches one of
            them is neither searched nor reported. A checkpoint that is itself a root is matched by
            its name; any other root is searched whatever its name.
        leaves: whether to read the trees; without them there are only names, times, custom
            metadata and metrics.
        shardings: whether to read the file `_sharding` of each tree; without it no leaf has a
            sharding, and faults in that file are not found.
        ordered: whether to yield entries in the order of their paths, steps by their numbers,
            rather than as they come.
        threads: the number of concurrent reads, at most 1,024; with 1, everything happens in the
            calling thread. By default 16, on a slow disk 128, in a bucket 64.
        since: the entries of an earlier scan, or a table of it: a `.parquet`, `.arrow` or `.jsonl`
            file, or anything with `__arrow_c_stream__`; or a mapping of paths, or of their texts,
            to fingerprints, of checkpoints that were read completely. What has not changed is not
            read again (`state` is `unchanged`), unless it was not read completely then, or trees
            are wanted and were not read; what is gone is reported at the end (`vanished`). Paths
            are compared as text, so the roots must be given in the same form as then.
        shard: `(index, count)`: only a stable share of the paths, for `count` machines.
        rich_types: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`.
        store: as for `orbscan.metadata`; for the roots that are URLs.
        store_options: as for `orbscan.metadata`; for the roots that are URLs.

    Raises:
        ValueError: an argument is invalid, or a root is a `file://` URL of another machine.
        TypeError: `steps` is something else.

    >>> [entry.step for entry in scan([])]
    []
    """
    places = expanded(roots, store=store, store_options=store_options)
    return Scan(
        begun(
            (),
            steps=steps,
            latest=latest,
            committed=committed,
            pattern=match,
            exclude=exclude,
            leaves=leaves,
            shardings=shardings,
            ordered=ordered,
            threads=threads,
            since=since,
            shard=shard,
            rich_types=rich_types,
            atomicity=atomicity,
            places=places,
        ),
        places,
        leaves=leaves,
    )


def begun(  # noqa: PLR0913 - as for scan
    roots: Path | Iterable[Path],
    *,
    steps: StepRange | None = None,
    latest: int | None = None,
    exclude: str | Iterable[str] = (),
    threads: int | None = None,
    since: Since | None = None,
    shard: tuple[int, int] | None = None,
    leaves: bool = True,
    shardings: bool = True,
    committed: bool | None = None,
    pattern: str | None = None,
    ordered: bool = False,
    rich_types: bool = False,
    atomicity: Atomicity = "auto",
    store: Any = None,
    store_options: StoreOptions | None = None,
    pieces: Sequence[_core.Piece] | None = None,
    places: list[str] | None = None,
) -> _core.Scan:
    """Begin a scan whose entries are columns; the part of `scan` that needs no other library.

    With `pieces`, only these parts of the roots are searched, and the roots are not patterns.
    `places` is the result of `expanded` for the roots. Raises as `scan` does.
    """
    for name, number, most in (("latest", latest, _MOST), ("threads", threads, MOST_THREADS)):
        if number is not None and not 1 <= number <= most:
            message = f"{name} must be at least 1 and at most {most:,}, not {number}"
            raise ValueError(message)
    if shard is not None and not 0 <= shard[0] < shard[1] <= _MOST:
        message = f"shard {shard} is not an index from 0 and a number of shares above it"
        raise ValueError(message)
    known = None
    if since is not None:
        from orbscan.scanning.earlier import fingerprints

        known = fingerprints(since, leaves=leaves)
    if known and not 0 <= min(known.values()) <= max(known.values()) <= _MOST:
        message = "the earlier scan has a fingerprint that is not a number of 64 bits"
        raise ValueError(message)
    with importing:
        from orbscan import _core

    if places is None:
        texts = expanded if pieces is None else placed
        places = texts(roots, store=store, store_options=store_options)
    return _core.scan(
        places,
        steps=None if steps is None else step_bounds(steps),
        latest=latest,
        exclude=[exclude] if isinstance(exclude, str) else [*exclude],
        threads=threads,
        since=known,
        shard=shard,
        leaves=leaves,
        shardings=shardings,
        committed=committed,
        pattern=pattern,
        ordered=ordered,
        rich_types=rich_types,
        atomicity=atomicity,
        pieces=pieces,
    )


def step_bounds(steps: StepRange) -> tuple[int, int]:
    """Return the first and the last of some steps.

    Raises:
        TypeError: they are neither a number, nor a range, nor a tuple of two numbers or None.
        ValueError: a range leaves steps out.

    >>> step_bounds(7), step_bounds(range(10, 20)), step_bounds((100, None))
    ((7, 7), (10, 19), (100, 18446744073709551615))
    """
    if isinstance(steps, range):
        if steps.step != 1:
            message = f"{steps} leaves steps out: steps must be a range without gaps"
            raise ValueError(message)
        first, last = steps.start, steps.stop - 1
    else:
        pair = steps if isinstance(steps, tuple) else (steps, steps)
        try:
            low, high = pair
            first = 0 if low is None else index(low)
            last = _LAST_STEP if high is None else index(high)
        except (TypeError, ValueError):
            message = (
                "steps must be a number, a range, or a tuple of the first and the last number,"
                f" either of which may be None, not {steps!r}"
            )
            raise TypeError(message) from None
    if last < 0:
        # No step has a negative number; an empty interval says the same.
        return 1, 0
    return min(max(first, 0), _LAST_STEP), min(last, _LAST_STEP)
