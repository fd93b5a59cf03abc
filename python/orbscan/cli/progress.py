"""One line on a terminal with the progress of a scan, a check or a comparison."""

from __future__ import annotations

import sys
import threading
import time

from orbscan.showing.text import counted

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from orbscan import _core

_SECONDS = 0.2
_ERASE = "\r\x1b[K"


class Line:
    """The line, kept up to date by a thread during a scan.

    A context manager; does nothing unless stderr is a terminal, and leaves nothing behind.
    """

    def __init__(self, scan: _core.Scan) -> None:
        self._scan = scan
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> None:
        """Show the line."""
        if sys.stderr.isatty():
            self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the line."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
            sys.stderr.write(_ERASE)
            sys.stderr.flush()

    def _write(self) -> None:
        seconds = 0.0
        while not self._over.wait(_SECONDS):
            seconds += _SECONDS
            sys.stderr.write(_ERASE + shown(*self._scan.progress(), seconds))
            sys.stderr.flush()


class Told:
    """The line, written by the thread that does the work, but not more often than is readable.

    A context manager; does nothing unless stderr is a terminal, and leaves nothing behind.
    """

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the line."""
        if self._is_shown:
            print(_ERASE, end="", file=sys.stderr, flush=True)

    def tell(self, text: str) -> None:
        """Replace the text, if the last one has been there for a while."""
        now = time.monotonic()  # noqa: TID251 - no test waits for it
        if self._is_shown and now >= self._next:
            self._next = now + _SECONDS
            print(f"{_ERASE}{text}", end="", file=sys.stderr, flush=True)


def shown(found: int, done: int, waiting: int, seconds: float) -> str:
    """Show the progress of a scan, its speed, and the time that is left.

    While directories wait, that time is unknown: each may hold no checkpoint or thousands.

    >>> shown(1_500, 1_500, 3_000, 0.5)
    '1,500 checkpoints, 3,000/s, 3,000 directories to go'
    >>> shown(5_000, 2_000, 0, 20)
    '2,000 checkpoints, 100/s, 3,000 to read, 0:30 left'
    """
    rate = done / seconds
    text = f"{counted(done, 'checkpoint')}, {rate:,.0f}/s"
    if waiting:
        return f"{text}, {counted(waiting, 'directory', 'directories')} to go"
    if found <= done or not rate:
        return text
    minutes, left = divmod(round((found - done) / rate), 60)
    return f"{text}, {found - done:,} to read, {minutes}:{left:02} left"
