"""Handles signals for a command that writes files."""

from __future__ import annotations

from contextlib import contextmanager

from orbscan.cli.exits import TERMINATED

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let SIGTERM end the program as an exception, so that unfinished files are deleted."""
    import signal
    import threading

    def end(*_: object) -> None:
        raise SystemExit(TERMINATED)

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        # Another part of the program has set a handler.
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
