"""`-o`: what a command writes, and where: a format to stdout, or a file whose ending names it."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from contextlib import contextmanager

from orbscan.cli.help import add_wide
from orbscan.places import url_scheme
from orbscan.showing.text import printable

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterable, Iterator, Sequence

TEXT, JSON, JSON_LINES, CATALOGUE = "text", "json", "jsonl", "delta"
_TEXT_ENDING = ".txt"


class Destination:
    """Where a command writes.

    Attributes:
        format: what it writes.
        path: of the file, as it was given; None for stdout.
    """

    # `typing`, which has named tuples with types, takes longer to import than a command does.
    __slots__ = ("format", "path")

    def __init__(self, format_: str, path: str | None = None) -> None:
        self.format = format_
        self.path = path

    @contextmanager
    def opened(self, *, quiet: bool = False) -> Iterator[None]:
        """Let what is written to stdout go to the file, which gets its name at the end.

        If anything is raised before the end, there is no new file, and an old one does not change.

        Args:
            quiet: whether not to say on stderr that the file was written.

        Raises:
            OSError: the file cannot be written.
        """
        if self.path is None:
            yield
            return
        from contextlib import redirect_stdout

        from orbscan.cli.signals import cleaning_up
        from orbscan.scanning.files import replacing

        with (
            cleaning_up(),
            replacing(self.path) as unfinished,
            # Names may contain bytes that are not text.
            open(unfinished, "w", encoding="utf-8", errors="backslashreplace") as file,  # noqa: PTH123 - pathlib takes longer to import
            redirect_stdout(file),
        ):
            yield
        if not quiet:
            print(f"wrote {printable(self.path)}", file=sys.stderr)


class What:
    """Reads the value of `-o` of one command.

    Attributes:
        formats: those that it writes to stdout.
        endings: those of the files that it writes.
    """

    def __init__(self, formats: Sequence[str], files: Sequence[str]) -> None:
        self.formats = tuple(formats)
        self.endings = {_ending(format_): format_ for format_ in files}

    def __call__(self, text: str) -> Destination:
        """Read it.

        Raises:
            ArgumentTypeError: it is neither a format nor the name of a file of one.
        """
        if text in self.formats:
            return Destination(text)
        # Of a catalogue, which is a directory, the name may end in a slash.
        ending = os.path.splitext(text.rstrip("/"))[1]  # noqa: PTH122 - pathlib takes longer to import
        format_ = self.endings.get(ending)
        if format_ is None or (text.endswith("/") and format_ != CATALOGUE):
            if _ending(text) in self.endings:
                message = f"{text!r} is for a file: pass a name that ends in {_ending(text)}"
            else:
                formats = ", ".join(self.formats)
                takes = f"a format ({formats}) nor a file that ends in {either(self.endings)}"
                message = f"{text!r} is neither {takes}"
            raise ArgumentTypeError(message)
        if format_ != CATALOGUE and url_scheme(text) is not None:
            message = f"{text!r} is a URL: a {ending} file is written to a disk"
            raise ArgumentTypeError(message)
        return Destination(format_, text)


def add_output(
    parser: ArgumentParser,
    shown: str = "a table",
    formats: Sequence[str] = (TEXT, JSON),
    *,
    fits: bool = True,
) -> None:
    """Add -o to a command that writes for people or for programs.

    Args:
        parser: of the command.
        shown: the output for people.
        formats: what the command writes, to stdout and to files; by default the first.
        fits: whether the text is fitted to a terminal, which --wide turns off.
    """
    what = What(formats, formats)
    parser.add_argument(
        "-o",
        "--output",
        metavar="WHAT",
        type=what,
        default=Destination(formats[0]),
        help=f"{shown} for people (text), or JSON with stable members ({either(formats[1:])}), on "
        f"stdout; or a file that ends in {either(what.endings)}, which appears when it is complete "
        f"(default: {formats[0]})",
    )
    if fits:
        add_wide(parser)


def _ending(format_: str) -> str:
    return _TEXT_ENDING if format_ == TEXT else f".{format_}"


def either(words: Iterable[str]) -> str:
    """Join alternatives.

    >>> either([".json"]), either([".txt", ".json", ".csv"])
    ('.json', '.txt, .json or .csv')
    """
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
