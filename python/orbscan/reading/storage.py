"""How the arrays of a tree are stored. Pure: leaves in, rows and text out."""

from __future__ import annotations

from orbscan.reading.facts import STORES
from orbscan.showing.text import counted, natural, printable, some

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orbscan import _core
    from orbscan.reading.facts import Leaf

_PATHS_SHOWN = 3
# That they were never merged is an issue.
_WHOSE = {"process": " of one process", "one_of_processes": " of single processes"}


class Stored:
    """Arrays that are stored in the same way.

    Attributes:
        place: the kind of their place.
        zarr_format: the version of their documents; None without documents.
        arrays: how many leaves, including scalars.
        paths: their files or directories, within that of the checkpointable; empty for the
            directory itself.
    """

    __slots__ = ("arrays", "paths", "place", "zarr_format")

    def __init__(self, place: _core.Place, zarr_format: int | None) -> None:
        self.place = place
        self.zarr_format = zarr_format
        self.arrays = 0
        self.paths: list[str] = []

    def __str__(self) -> str:
        """Show the way: `OCDBT, Zarr v2`."""
        text = f"{STORES[self.place]}{_WHOSE.get(self.place, '')}"
        # If there are several databases, each array has chunks in any of them.
        is_spread = self.place == "one_of_processes" and len(self.paths) == 1
        if self.paths and not is_spread:
            text += f" ({some([*map(printable, self.paths)], _PATHS_SHOWN, ', ')})"
        return text if self.zarr_format is None else f"{text}, Zarr v{self.zarr_format}"

    def to_dict(self) -> dict[str, object]:
        """Convert it to values for `json.dumps`."""
        return {name: getattr(self, name) for name in ("place", "zarr_format", "paths", "arrays")}


def storage(found: Iterable[tuple[Leaf, int]]) -> list[Stored]:
    """Determine how arrays are stored, the most frequent way first.

    Args:
        found: leaves, and how often each occurs.
    """
    ways: dict[tuple[str, int | None], Stored] = {}
    for leaf, times in found:
        if leaf.place is None or leaf.dtype is None or not times:
            continue
        place, path = leaf.place
        zarr_format = None if leaf.zarr is None else leaf.zarr[0]
        way = ways.setdefault((place, zarr_format), Stored(place, zarr_format))
        way.arrays += times
        if path and path not in way.paths:
            way.paths.append(path)
    for way in ways.values():
        way.paths.sort(key=natural)
    return sorted(ways.values(), key=lambda way: (-way.arrays, str(way)))


def lines(ways: list[Stored]) -> Iterator[str]:
    """Show the ways, with the number of arrays of each if there are several."""
    for way in ways:
        yield str(way) if len(ways) == 1 else f"{way}: {counted(way.arrays, 'array')}"
