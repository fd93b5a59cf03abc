"""Draws the time of a read against the number of leaves: Orbax, orbscan, and the floor.

    python -m benches.plot [--workdir DIR] [--large] [--seconds S]   measures, then draws
    python -m benches.plot --draw                                    draws the figures kept in docs/

The figures go to docs/time-against-leaves.json, the drawing to docs/time-against-leaves.svg. The
floor is `floor.rs`: the bytes read, their tokens walked, nothing kept.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benches import compare, limit, side_by_side

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = DOCS / "time-against-leaves.json"
DRAWING = DOCS / "time-against-leaves.svg"

WIDTH, HEIGHT = 680, 400
LEFT, RIGHT, TOP, BOTTOM = 85, 130, 20, 50
# Milliseconds that are shown without decimals.
ROUNDED_FROM = 100
# Readable on white and on black.
SERIES = {"orbax": "#d9730d", "orbscan": "#2f80ed", "floor": "#8a8f98"}
INK = "#8a8f98"


@dataclass(frozen=True)
class Point:
    """The medians for one number of leaves, in milliseconds."""

    leaves: int
    orbax: float
    orbscan: float
    floor: float


def main() -> int:
    """Measures unless told to draw only, and draws."""
    parser = argparse.ArgumentParser(prog="benches.plot", description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="draw the figures that are there")
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--large", action="store_true", help="also 10,000 leaves (minutes)")
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each size")
    options = parser.parse_args()
    if not options.draw:
        side_by_side.prepare()
        sizes = (*compare.SIZES, compare.LARGE) if options.large else compare.SIZES
        floor = limit.program()
        points = [measure(size, options.workdir, options.seconds, floor) for size in sizes]
        FIGURES.write_text(json.dumps([asdict(point) for point in points], indent=2) + "\n")
    points = [Point(**point) for point in json.loads(FIGURES.read_text())]
    DRAWING.write_text("\n".join(draw(points)) + "\n")
    return 0


def measure(size: int, workdir: Path, seconds: float, floor: str) -> Point:
    """Both libraries in turns, and the floor before and after, on one checkpoint."""
    path = compare.checkpoint(workdir, size)
    print(f"==> measuring {size:,} leaves", file=sys.stderr, flush=True)
    before = limit.walk(floor, path).whole
    both = compare.compare(size, path, seconds)
    after = limit.walk(floor, path).whole
    times = (both.orbax_ms, both.orbscan_ms, (before + after) / 2)
    return Point(size, *(round(time, 4) for time in times))


def draw(points: list[Point]) -> Iterator[str]:
    """The lines of an SVG: both axes by powers of ten, one curve for each series."""
    times = [getattr(point, name) for point in points for name in SERIES]
    across = Axis([point.leaves for point in points], LEFT, WIDTH - RIGHT)
    upward = Axis(times, HEIGHT - BOTTOM, TOP)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    yield "<title>Milliseconds to read the metadata of a checkpoint, by its leaves</title>"
    for power in across.powers():
        x = across.place(power)
        yield line(x, TOP, x, HEIGHT - BOTTOM)
        yield text(x, HEIGHT - BOTTOM + 18, f"{power:,.0f}", "middle")
    for power in upward.powers():
        y = upward.place(power)
        yield line(LEFT, y, WIDTH - RIGHT, y)
        yield text(LEFT - 8, y + 4, f"{power:,.10g} ms", "end")
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, "leaves", "middle")
    for name, colour in SERIES.items():
        places = [(across.place(p.leaves), upward.place(getattr(p, name))) for p in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
        x, y = places[-1]
        last = getattr(points[-1], name)
        shown = f"{last:,.0f}" if last >= ROUNDED_FROM else f"{last:.3g}"
        yield text(x + 10, y + 4, f"{name} {shown} ms", "start", colour)
    yield "</svg>"


class Axis:
    """Powers of ten that hold some values, laid out from one pixel to another."""

    def __init__(self, values: list[float] | list[int], start: float, end: float) -> None:
        self.low = math.floor(math.log10(min(values)))
        self.high = math.ceil(math.log10(max(values)))
        self.start, self.end = start, end

    def place(self, value: float) -> float:
        """The pixel of a value."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def powers(self) -> list[float]:
        """The powers of ten from end to end."""
        return [10.0**power for power in range(self.low, self.high + 1)]


def line(x1: float, y1: float, x2: float, y2: float) -> str:
    """A faint line of the grid."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{INK}" stroke-opacity="0.25"/>'


def text(x: float, y: float, content: str, anchor: str, colour: str = INK) -> str:
    """A label."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{content}</text>'


if __name__ == "__main__":
    sys.exit(main())
