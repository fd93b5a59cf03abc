"""The exit codes of the program, and the exception by which a command chooses one."""

from __future__ import annotations

from contextlib import contextmanager

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

FINE = 0
FINDINGS = 1
USAGE = 2  # argparse's own choice
NOT_FOUND = 3
STORE = 4
PARTIAL = 5
# What a shell reports of a program that such a signal has ended.
INTERRUPTED = 130
CLOSED_PIPE = 141
TERMINATED = 143


class Refusal(Exception):  # noqa: N818 - not every refusal is an error of the program
    """Ends a command with a message on stderr.

    Attributes:
        status: the exit code.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def cleaning_up() -> Iterator[None]:
    """Let SIGTERM end the program as an exception, so that unfinished files are taken away."""
    import signal
    import threading

    def end(*_: object) -> None:
        raise SystemExit(TERMINATED)

    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        # Somebody else decides what it means.
        yield
        return
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
