"""The page of a report: the result of `orbscan.report`."""

from __future__ import annotations

from pathlib import Path as LocalPath
from typing import TYPE_CHECKING

from orbscan.extras import need
from orbscan.scanning.files import replacing
from orbscan.showing.text import size

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from orbscan.aliases import View

_SCALE = 2
"""How many pixels a PNG has for one of the SVG, so that it is sharp on a slide."""


class Report:
    """A page about checkpoints: a single HTML file, which opens without a network; or a picture.

    Attributes:
        title: what it is about.
        html: the page.
        incomplete: how many of its checkpoints could not be read completely.
        checkpoints: how many it is about.
    """

    __slots__ = ("_draw", "checkpoints", "html", "incomplete", "title")

    def __init__(
        self,
        title: str,
        html: str,
        incomplete: int,
        checkpoints: int,
        draw: Callable[[View | None], str],
    ) -> None:
        self.title = title
        self.html = html
        self.incomplete = incomplete
        self.checkpoints = checkpoints
        self._draw = draw

    @property
    def nbytes(self) -> int:
        """The size of the page, in bytes."""
        return len(self.html.encode())

    def svg(self, view: View | None = None) -> str:
        """Draw one view as SVG, without a browser: no script, and nothing is fetched.

        Args:
            view: `treemap`; `mesh`, the devices that hold the largest array that is laid over a
                mesh; or `steps`, lines over the steps of a run. By default the treemap of a
                checkpoint or of two that are compared, and the steps of many.

        Raises:
            ValueError: there is no such view of it.
        """
        return self._draw(view)

    def png(self, view: View | None = None) -> bytes:
        """Draw one view as PNG.

        Args:
            view: as for `svg`.

        Raises:
            ValueError: as for `svg`.
            ImportError: resvg_py is not installed; says how to install it.
        """
        need("resvg_py", "a PNG")
        import resvg_py

        drawn = resvg_py.svg_to_bytes(svg_string=self.svg(view), zoom=_SCALE)
        return bytes(drawn)

    def save(self, path: str | os.PathLike[str], view: View | None = None) -> None:
        """Write the page to a file, or a picture of it, if its name ends in `.svg` or `.png`.

        Args:
            path: of the file.
            view: of a picture, as for `svg`.

        Raises:
            OSError: it cannot be written.
            ValueError: as for `svg`; or a view is given for a page, which has all views.
            ImportError: as for `png`.
        """
        file = LocalPath(path).expanduser()
        with replacing(file) as unfinished:
            LocalPath(unfinished).write_bytes(self._content(file.suffix, view))

    def _content(self, ending: str, view: View | None) -> bytes:
        if ending == ".png":
            return self.png(view)
        if ending == ".svg":
            return self.svg(view).encode()
        if view is not None:
            message = f"a page has all views: {view} is for a file that ends in .svg or .png"
            raise ValueError(message)
        return self.html.encode()

    def __repr__(self) -> str:
        return f"<Report of {self.title}, {size(self.nbytes)}>"
