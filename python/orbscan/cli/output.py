"""Where text goes: plain to a file or pipe, coloured to a terminal, or through a pager.

Only on a terminal are tables fitted to its width. Colour needs `rich`, and a terminal whose user
has not set NO_COLOR; otherwise nothing is imported for it.
"""

from __future__ import annotations

import os
import sys

from orbscan.showing.fitting import ELLIPSIS, Fitting

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence
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
    "good": "green",
    "unsure": "yellow",
    "bad": "red",
}
"""How a piece of text is shown on a terminal, by its role."""

STATE = "state"
"""The role of a column whose text determines its role."""

_STATES = {
    "committed": "good",
    "uncommitted": "unsure",
    "gone": "unsure",
    "incomplete": "bad",
    "broken": "bad",
    "unreadable": "bad",
}

_SEVERITIES = {"error": "bad", "warning": "unsure", "note": "faint"}
_VERDICTS = {"ok": "good", "damaged": "bad", "incomplete check": "unsure"}
_DIFFERENCES = {
    "added": "good",
    "removed": "bad",
    "changed": "unsure",
    "unreadable": "bad",
    "container changed": "unsure",
    "perhaps renamed": "unsure",
}

_LABELLED = 12
"""The column in which the text after the label of a line of a report begins."""

_DEFAULT_PAGER = "less"
_LESS = "-SRF"
"""The options of `less`, unless its user sets others: lines are not folded, colours are shown, and
text that fits the screen needs no pager."""


def fitting(arguments: argparse.Namespace) -> Fitting:
    """Determine how tables are fitted: to the terminal, or not at all for a pipe and a pager."""
    paged = getattr(arguments, "pager", False)
    if arguments.wide or paged or not sys.stdout.isatty():
        return Fitting()
    import shutil

    try:
        ELLIPSIS.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        mark = "~"
    else:
        mark = ELLIPSIS
    return Fitting(shutil.get_terminal_size().columns, mark)


def tabular(
    cells: Iterable[list[tuple[int, str]]], roles: Sequence[str], *, indent: str = ""
) -> Iterator[Line]:
    """Join the fitted cells of a table; the first row is the heading.

    Args:
        cells: of each row, as `Fitting.rows` gives them.
        roles: of each column; `STATE` for one whose cells are coloured by their content.
        indent: the text before each row.
    """
    is_heading = True
    for row in cells:
        pieces: Line = [("", indent)] if indent else []
        for number, (at, text) in enumerate(row):
            pieces += [("", "  ")] if number else []
            role = "heading" if is_heading else roles[at]
            pieces.append((state_role(text) if role == STATE else role, text))
        yield pieces
        is_heading = False


def state_role(state: str) -> str:
    """The role of the word for the state of a checkpoint or step."""
    return _STATES.get(state.strip(), "")


def verdicts(lines: Iterable[str]) -> Iterator[Line]:
    """Colour the lines of a report of `verify`: its verdict, and the severity of each finding."""
    for number, line in enumerate("\n".join(lines).split("\n")):
        word = line.partition(" ")[0]
        if number and word in _SEVERITIES:
            yield [(_SEVERITIES[word], word), ("", line[len(word) :])]
            continue
        before, middle, after = line.rpartition(" at level ")
        head, _, verdict = before.rpartition(": ")
        role = _VERDICTS.get(verdict.rpartition(", ")[2], "")
        yield [("", f"{head}: "), (role, verdict), ("", middle + after)] if role else [("", line)]


def folded(lines: Iterable[str], fitting: Fitting) -> Iterator[str]:
    """Fold lines that are wider than the terminal, aligned with the start of their text."""
    for line in "\n".join(lines).split("\n"):
        if fitting.width is None or len(line) <= fitting.width:
            yield line
            continue
        from textwrap import wrap

        # A label of the report, after two spaces, has this width.
        labelled = _LABELLED if line.startswith(" ") else 0
        yield from wrap(
            line[labelled:],
            fitting.width,
            initial_indent=line[:labelled],
            subsequent_indent=min(labelled or 2, fitting.width // 2) * " ",
            # A path can be copied only if it is not cut.
            break_long_words=False,
            break_on_hyphens=False,
        )


def differences(lines: Iterable[str]) -> Iterator[Line]:
    """Colour the lines of a report of `diff`: what was added, removed and changed."""
    role = ""
    for line in lines:
        if not line.startswith(" "):
            title = line.rpartition(": ")[2].partition(",")[0].partition(" (")[0]
            role = _DIFFERENCES.get(title, "")
        yield [(role, line)]


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
        sys.stdout.writelines(_plain(line) for line in lines)


def plain(lines: Iterable[Line]) -> str:
    """Join the pieces of lines, without their roles."""
    return "".join(map(_plain, lines))


def _plain(line: Line) -> str:
    return f"{''.join(text for _, text in line)}\n"


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
    # The program is the user's own choice. Leaving it early is not an error.
    environment = {"LESS": _LESS, **os.environ}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as pager:  # noqa: S603
        try:
            pager.communicate(encoded)
        except KeyboardInterrupt:
            # The pager decides what Ctrl-C means while it has the terminal.
            pager.wait()
