"""Divides the reading of a table: pieces of the walk, earlier rows, parts of large checks."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.scanning.api import step_bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orbscan._core import Piece

_PIECES = 8
"""Pieces for each share, if possible: with only one, the others would wait for the largest."""


@dataclass
class Portion:
    """What one share reads.

    Attributes:
        pieces: directories of the walk; None for all of it.
        parts: for these checkpoints only these parts: the index of each and how many there are.
        since: fingerprints of an earlier scan, by path.
    """

    pieces: list[Piece] | None = None
    parts: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)


def divided(
    roots: Sequence[str],
    count: int,
    options: dict[str, Any],
    *,
    part_bytes: int | None,
    exact: bool = True,
) -> list[Portion]:
    """Divide a walk into shares.

    The directories above the checkpoints are listed here, once, and in no share. A directory that
    cannot be listed here goes to one share, undivided.

    Args:
        roots: as texts that know their store.
        count: the number of shares.
        options: the options of the scan.
        part_bytes: the maximum bytes of a checkpoint that one share checks; None if the sizes of
            checkpoints do not matter.
        exact: whether there are `count` shares even if some of them have nothing to read.
    """
    if count == 1:
        return [Portion()]
    with importing:
        from orbscan import _core

    steps, exclude = options.get("steps"), options.get("exclude", ())
    found = _core.divide_scan(
        roots,
        count * _PIECES if part_bytes is None else None,
        steps=None if steps is None else step_bounds(steps),
        latest=options.get("latest"),
        committed=options.get("committed"),
        pattern=options.get("match"),
        exclude=[exclude] if isinstance(exclude, str) else [*exclude],
        threads=options.get("threads"),
        atomicity=options.get("atomicity", "auto"),
    )
    if part_bytes is not None:
        portions = _by_size(found, count, part_bytes, roots)
    else:
        portions = [Portion(_joined(piece for piece, _ in found[at::count])) for at in range(count)]
    if exact:
        return portions
    # One is left even if there is nothing to read: an engine expects a task.
    return [portion for portion in portions if portion.pieces] or portions[:1]


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Return pieces in which names of one directory are together."""
    joined: list[Piece] = []
    for root, way, names in pieces:
        last = joined[-1] if joined else None
        if last is not None and last[2] and names and last[:2] == (root, way):
            last[2].extend(names)
        else:
            joined.append((root, way, [*names]))
    return joined


def _by_size(
    found: list[tuple[Piece, int]], count: int, most: int, roots: Sequence[str]
) -> list[Portion]:
    """Give each piece, or part of one, to the share with the least, the largest first."""
    parts = [
        (size / of, at, index, of)
        for at, (_, size) in enumerate(found)
        for of in [max(1, -(-size // most))]
        for index in range(of)
    ]
    parts.sort(key=lambda part: -part[0])
    loads = [(0.0, number) for number in range(count)]
    chosen: list[dict[int, list[tuple[int, int]]]] = [{} for _ in range(count)]
    for size, at, index, of in parts:
        load, number = heapq.heappop(loads)
        # A piece without a size takes some time, too.
        heapq.heappush(loads, (load + max(size, 1.0), number))
        chosen[number].setdefault(at, []).append((index, of))
    portions = []
    for mine in chosen:
        pieces = {at: found[at][0] for at in sorted(mine)}
        divided = {
            path_of(roots, piece): sorted(mine[at])
            for at, piece in pieces.items()
            if mine[at][0][1] > 1
        }
        portions.append(Portion(_joined(pieces.values()), divided))
    return portions


def path_of(roots: Sequence[str], piece: Piece, name: str | None = None) -> str:
    """Return the path of a piece of one name, as entries of the scan have it.

    >>> path_of(["runs"], (0, "a", [("10", False)])), path_of(["/"], (0, "", [("x", False)]))
    ('runs/a/10', '/x')
    """
    number, way, names = piece
    root = str(roots[number])
    if not names:
        return root
    inside = "/".join(level for level in (way, name or names[0][0]) if level)
    return f"{root}{inside}" if root.endswith("/") else f"{root}/{inside}"


def give_earlier(known: dict[str, int], portions: list[Portion], roots: Sequence[str]) -> None:
    """Divide the result of an earlier scan: by the pieces of the shares; the rest to any share."""
    with importing:
        from orbscan import _core

    owners = {
        path_of(roots, piece, name): number
        for number, portion in enumerate(portions)
        for piece in portion.pieces or ()
        for name, _ in piece[2] or [("", False)]
    }
    for path, fingerprint in known.items():
        place, owner = path, owners.get(path)
        while owner is None and "/" in place:
            place = place.rpartition("/")[0]
            owner = owners.get(place)
        if owner is None:
            # It is gone, or not wanted; any share finds that out.
            owner = _core.share_of(path, len(portions)) or 0
        portions[owner].since[path] = fingerprint
