"""The page of a report: the result of `orbscan.report`."""

from __future__ import annotations

from pathlib import Path as LocalPath
from typing import TYPE_CHECKING

from orbscan.showing.text import size

if TYPE_CHECKING:
    import os


class Report:
    """A page about checkpoints: one HTML file, which opens without a network.

    Attributes:
        title: what it is about.
        html: the page.
        incomplete: how many of its checkpoints could not be read completely.
        checkpoints: how many it is about.
    """

    __slots__ = ("checkpoints", "html", "incomplete", "title")

    def __init__(self, title: str, html: str, incomplete: int, checkpoints: int) -> None:
        self.title = title
        self.html = html
        self.incomplete = incomplete
        self.checkpoints = checkpoints

    @property
    def nbytes(self) -> int:
        """The size of the page, in bytes."""
        return len(self.html.encode())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file.

        Raises:
            OSError: it cannot be written.
        """
        LocalPath(path).expanduser().write_text(self.html, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<Report of {self.title}, {size(self.nbytes)}>"
