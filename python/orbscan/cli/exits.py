"""The exit codes of the program, and the exception by which a command chooses one."""

from __future__ import annotations

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
