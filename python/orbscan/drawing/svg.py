"""Pictures as SVG: elements, in which all texts are escaped.

There is no script, no style sheet and nothing to fetch: a picture can be used in a page, a README
or a slide, and be converted to PNG.

Importing this module loads nothing heavy.
"""

from __future__ import annotations

# XML is only written here, never parsed.
from xml.etree.ElementTree import Element, SubElement, tostring

from orbscan.drawing.palette import DARK, PAINTS
from orbscan.showing.text import printable

FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"
FAINT, LINE, PANEL, PAPER = "#555f6b", "#d5dbe1", "#f5f7f9", "#ffffff"
"""The colours of less important texts, of edges, of the background, and of everything below it."""

_EM, _BOLD_EM = 0.6, 0.68
"""The average width of a character, relative to its height."""

_HATCHES = "hatches"


class Picture:
    """A picture that is being drawn.

    Attributes:
        width, height: of the whole picture, in pixels.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width = width
        self.height = height
        self._root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {width} {height}",
                "width": f"{width}",
                "height": f"{height}",
                "role": "img",
                "font-family": FONT,
                "style": "max-width:100%;height:auto",
            },
        )
        SubElement(self._root, "title").text = printable(title)
        self._at = self._root
        self.rectangle(0, 0, width, height, PAPER)

    def rectangle(  # noqa: PLR0913 - a place and how it is painted
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        fill: str,
        *,
        edge: str | None = None,
        title: str = "",
        is_hatched: bool = False,
    ) -> None:
        """Draw a rectangle; a title is shown when it is pointed at."""
        place = {"x": _n(left), "y": _n(top), "width": _n(width), "height": _n(height)}
        drawn = SubElement(self._at, "rect", {**place, "fill": fill})
        if edge is not None:
            drawn.set("stroke", edge)
        if title:
            SubElement(drawn, "title").text = printable(title)
        if is_hatched:
            self._define_hatches()
            SubElement(
                self._at, "rect", {**place, "fill": f"url(#{_HATCHES})", "pointer-events": "none"}
            )

    def text(  # noqa: PLR0913 - a place and how it is written
        self,
        left: float,
        base: float,
        text: str,
        *,
        size: float = 12,
        ink: str = DARK,
        bold: bool = False,
        room: float | None = None,
        anchor: str = "start",
    ) -> None:
        """Write a text on a line, as much of it as fits."""
        shown = printable(text)
        if room is not None:
            shown = fitted(shown, room, size, bold=bold)
        if not shown:
            return
        written = SubElement(
            self._at,
            "text",
            {"x": _n(left), "y": _n(base), "font-size": _n(size), "fill": ink},
        )
        if bold:
            written.set("font-weight", "600")
        if anchor != "start":
            written.set("text-anchor", anchor)
        written.text = shown

    def line(self, points: str, ink: str, *, dashes: str = "", width: float = 1) -> None:
        """Draw a line through points, as SVG has them."""
        drawn = SubElement(
            self._at,
            "polyline",
            {"points": points, "fill": "none", "stroke": ink, "stroke-width": _n(width)},
        )
        if dashes:
            drawn.set("stroke-dasharray", dashes)

    def dot(self, across: float, down: float, radius: float, fill: str, title: str = "") -> None:
        """Draw a dot."""
        drawn = SubElement(
            self._at, "circle", {"cx": _n(across), "cy": _n(down), "r": _n(radius), "fill": fill}
        )
        if title:
            SubElement(drawn, "title").text = printable(title)

    def move(self, left: float, top: float) -> None:
        """Draw the following elements relative to another place."""
        where = {"transform": f"translate({_n(left)} {_n(top)})"}
        self._at = SubElement(self._root, "g", where)

    def _define_hatches(self) -> None:
        if self._root.find("defs") is not None:
            return
        pattern = SubElement(
            SubElement(self._root, "defs"),
            "pattern",
            {
                "id": _HATCHES,
                "width": "9",
                "height": "9",
                "patternUnits": "userSpaceOnUse",
                "patternTransform": "rotate(45)",
            },
        )
        stripe = {"width": "2", "height": "9", "fill": "#000000", "fill-opacity": "0.45"}
        SubElement(pattern, "rect", stripe)

    def __str__(self) -> str:
        return tostring(self._root, encoding="unicode")


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Return the approximate width of a text."""
    return len(text) * size * (_BOLD_EM if bold else _EM)


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """Return as much of a text as fits; nothing if too little is left.

    >>> fitted("embedding", 100, 12), fitted("embedding", 40, 12), fitted("embedding", 9, 12)
    ('embedding', 'embe…', '')
    """
    most = int(room / width_of(" ", size, bold=bold))
    if len(text) <= most:
        return text
    return f"{text[: most - 1]}…" if most > 2 else ""  # noqa: PLR2004 - one letter says nothing


def ink_on(paint: str) -> str:
    """Return the text colour for a paint of the palette."""
    return PAINTS[paint].ink


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
