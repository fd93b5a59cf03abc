"""Static HTML without scripts, style sheets or requests.

Every text is escaped, and a page is at most `LIMIT` bytes, whatever a checkpoint holds.
"""

from __future__ import annotations

from html import escape

from orbscan.showing.text import counted, printable, shortened

LIMIT = 200_000
"""The most bytes of a page."""

RESERVE = 1_000
"""The space for the note on what is left out."""


_REPORT = (
    '<details open style="font-family:monospace"><summary>{}</summary>\n'
    '<pre style="margin-left:1em">{}</pre></details>\n'
)


def report_html(text: str) -> str:
    """Show the text of a report as a static page: its first line, and the rest to unfold."""
    lines = text.splitlines()
    head, budget = lines[0] if lines else "", LIMIT - RESERVE
    shown: list[str] = []
    for line in lines[1:]:
        piece = escape(printable(line))
        budget -= nbytes_of(piece) + 1
        if budget < 0:
            break
        shown.append(piece)
    left_out = len(lines) - 1 - len(shown)
    note = f"\n... and {counted(left_out, 'more line')}" if left_out > 0 else ""
    return _REPORT.format(escape(shortened(head)), "\n".join(shown) + note)


def nbytes_of(text: str) -> int:
    """Return the size of a text in a page, in bytes."""
    return len(text) if text.isascii() else len(text.encode())
