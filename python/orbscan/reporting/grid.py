"""The largest array that is laid over a mesh, as a grid of devices: which holds which slice.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

from math import ceil, prod

from orbscan.drawing.palette import CATEGORIES, PAINTS
from orbscan.drawing.svg import FAINT, Picture, ink_on
from orbscan.reporting.outline import path_of
from orbscan.showing.text import brackets, counted, size

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orbscan.reporting.explorer import Explorer
    from orbscan.reporting.kinds import Kind, Mesh

    Axis = tuple[int, str, int]

_SHOWN_DEVICES = 4_096
_LISTED = 24
_HEAD = 92
_LEAST, _MOST = 5, 44
_NUMBERED = 16
_NARROWEST, _BESIDE = 720, 320


def draw_mesh(title: str, explorer: Explorer, width: int, margin: int) -> str:
    """Draw the largest array that is laid over a mesh.

    Raises:
        ValueError: there is none.
    """
    found = _largest(explorer)
    if found is None:
        message = "no leaf is laid over a mesh that divides it: there is no mesh to draw"
        raise ValueError(message)
    number, kind, mesh = found
    devices = min(mesh.devices, _SHOWN_DEVICES)
    rows, columns = rows_and_columns(mesh)
    wide = max(prod(length for _, _, length in columns), 1)
    room = (width - 3 * margin) * 2 // 3
    side = max(min(room // wide, _MOST), _LEAST)
    slices: dict[tuple[int, ...], int] = {}
    cells = []
    for device in range(devices):
        at = coordinates(device, mesh)
        held = slices.setdefault(parts_of(at, kind, mesh), len(slices))
        cells.append((device, _along(rows, at), _along(columns, at), held))
    width = min(width, max(_NARROWEST, wide * side + 3 * margin + _BESIDE))
    listed = [*slices][:_LISTED]
    height = _HEAD + max(ceil(devices / wide) * side, 20 * (len(listed) + 1)) + margin
    path = path_of(explorer.nodes, number)
    picture = Picture(max(width, wide * side + 2 * margin), height, f"{path} on its mesh")
    shape = kind.leaf.shape or ()
    what = f"{kind.type}{brackets(shape)} · {kind.sharding} · each device {size(_held(kind))}"
    picture.text(margin, 30, f"{title}: {path}", size=20, bold=True, room=width - 2 * margin)
    picture.text(margin, 51, what, size=13, ink=FAINT, room=width - 2 * margin)
    amounts = f"{counted(mesh.devices, 'device')}, {counted(len(slices), 'different slice')}"
    shown = f"{amounts}. {_named(rows, columns)}"
    picture.text(margin, 70, shown, size=13, ink=FAINT, room=width - 2 * margin)
    picture.move(margin, _HEAD)
    for device, down, across, held in cells:
        paint = f"c{held % len(CATEGORIES)}"
        name = mesh.ids[device] if mesh.ids else device
        text = f"device {name} holds {slice_text([*slices][held], kind)}" if devices <= 256 else ""  # noqa: PLR2004
        left, top = across * side, down * side
        picture.rectangle(left, top, side - 1, side - 1, PAINTS[paint].fill, title=text)
        if side >= _NUMBERED:
            middle = left + (side - 1) / 2
            picture.text(
                middle, top + side / 2 + 4, f"{held}", size=11, ink=ink_on(paint), anchor="middle"
            )
    picture.move(margin + wide * side + margin, _HEAD)
    for row, parts in enumerate(listed):
        picture.rectangle(0, 20 * row, 12, 12, PAINTS[f"c{row % len(CATEGORIES)}"].fill)
        picture.text(20, 20 * row + 11, f"{row}: {slice_text(parts, kind)}")
    if len(slices) > len(listed):
        picture.text(
            20, 20 * len(listed) + 11, f"and {len(slices) - len(listed):,} more", ink=FAINT
        )
    return str(picture)


def _largest(explorer: Explorer) -> tuple[int, Kind, Mesh] | None:
    found = [
        (node.memory, -number, kind, kind.mesh)
        for number, (node, kind) in enumerate(zip(explorer.nodes, explorer.kinds, strict=True))
        if kind is not None and kind.parts is not None and kind.mesh is not None
    ]
    if not found:
        return None
    _, number, kind, mesh = max(found, key=lambda each: each[:2])
    return -number, kind, mesh


def coordinates(device: int, mesh: Mesh) -> tuple[int, ...]:
    """The place of a device on each axis of a mesh, in row-major order."""
    found = []
    for _, length in reversed(mesh.axes):
        device, at = divmod(device, length)
        found.append(at)
    return tuple(reversed(found))


def parts_of(at: Sequence[int], kind: Kind, mesh: Mesh) -> tuple[int, ...]:
    """Which part a device holds along each dimension: the first axis varies slowest, as in JAX."""
    found = []
    for axes in kind.spec or ():
        part = 0
        for axis in axes:
            part = part * mesh.axes[axis][1] + at[axis]
        found.append(part)
    return tuple(found)


def slice_text(parts: Sequence[int], kind: Kind) -> str:
    """Show the slice that consists of these parts along all dimensions."""
    shard, counts = kind.shard or (), kind.parts or ()
    ranges = [
        ":" if count == 1 else f"{part * length}:{(part + 1) * length}"
        for part, length, count in zip(parts, shard, counts, strict=True)
    ]
    return f"[{', '.join(ranges)}]"


def rows_and_columns(mesh: Mesh) -> tuple[list[Axis], list[Axis]]:
    """The axes of more than one device, as rows and columns: about as many of each."""
    rows = [(at, name, length) for at, (name, length) in enumerate(mesh.axes) if length > 1]
    columns = rows[-1:]
    rows = rows[:-1]
    while len(rows) > 1 and _size(columns) * rows[-1][2] <= _size(rows):
        columns.insert(0, rows.pop())
    return rows, columns


def _size(axes: Sequence[Axis]) -> int:
    return prod(length for _, _, length in axes)


def _along(axes: Sequence[Axis], at: Sequence[int]) -> int:
    place = 0
    for axis, _, length in axes:
        place = place * length + at[axis]
    return place


def _named(rows: Sequence[Axis], columns: Sequence[Axis]) -> str:
    texts = []
    for label, axes in (("Rows", rows), ("Columns", columns)):
        if axes:
            texts.append(
                f"{label}: {' x '.join(f'{name} ({length})' for _, name, length in axes)}."
            )
    return " ".join(texts)


def _held(kind: Kind) -> int:
    return prod(kind.shard or ()) * kind.leaf.itemsize
