"""The exit codes of the program, and the exception with which a command chooses one."""

from __future__ import annotations

FINE = 0
FINDINGS = 1
USAGE = 2  # argparse's own choice
NOT_FOUND = 3
STORE = 4
PARTIAL = 5
# The exit codes that shells report for a program ended by such a signal.
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
