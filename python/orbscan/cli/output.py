"""Where text goes: plain to a file or pipe, coloured to a terminal, or through a pager.

The characters are the same everywhere. Colour needs `rich`, and a terminal whose user has not set
NO_COLOR; nothing is imported for it otherwise.
"""

from __future__ import annotations

import os
import sys

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    Line: TypeAlias = list[tuple[str, str]]
    """The pieces of a line: the role of each, a key of `STYLES`, and its text."""

STYLES = {
    "": "",
    "heading": "bold",
    "label": "bold",
    "type": "cyan",
    "sharding": "green",
    "faint": "dim",
    "count": "yellow",
    "fault": "red",
}
"""How a piece of text is shown on a terminal, by its role."""

_DEFAULT_PAGER = "less"


def write(lines: Iterable[Line], *, paged: bool = False) -> None:
    """Write lines to stdout.

    Args:
        lines: the text in pieces.
        paged: whether to show it in the user's pager, if stdout is a terminal.

    Raises:
        OSError: stdout is closed or full, or there is no such pager.
    """
    terminal = sys.stdout.isatty()
    if terminal and paged:
        _page(plain(lines))
    elif not (terminal and _wants_colour() and _write_coloured(lines)):
        sys.stdout.write(plain(lines))


def plain(lines: Iterable[Line]) -> str:
    """Join the pieces of lines, without their roles."""
    return "".join(f"{''.join(text for _, text in line)}\n" for line in lines)


def _wants_colour() -> bool:
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _write_coloured(lines: Iterable[Line]) -> bool:
    """Write lines in colour; False, and nothing is written, if rich is not installed."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return False
    console = Console(file=sys.stdout, markup=False, emoji=False, highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*[(text, STYLES[role]) for role, text in line], end=""))
    return True


def _page(text: str) -> None:
    import shlex
    import subprocess

    command = shlex.split(os.environ.get("PAGER", "")) or [_DEFAULT_PAGER]
    encoded = text.encode(sys.stdout.encoding, "backslashreplace")
    # The user's own choice of a program. One that is left early is no error.
    with subprocess.Popen(command, stdin=subprocess.PIPE) as pager:  # noqa: S603
        try:
            pager.communicate(encoded)
        except KeyboardInterrupt:
            # The pager decides what Ctrl-C means while it has the terminal.
            pager.wait()
