"""Standard streams that were closed before the command began."""

from __future__ import annotations

import os
import sys


def give_descriptors() -> None:
    """Give each closed standard stream a separate descriptor.

    Without one, the next file that is opened gets its number, and output for the stream ends up in
    that file. Reading from stdin and writing to stdout then fails, as it should. Output for stderr
    is discarded, since it has no reader, and the command does its work.
    """
    # The order matters: the system returns the lowest free number.
    if sys.stdin is None and _is_free(0, os.O_WRONLY):
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is None and _is_free(1, os.O_RDONLY):
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None and _is_free(2, os.O_WRONLY):
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _is_free(number: int, flags: int) -> bool:
    """Take a descriptor for the null device; false if something else has it by now."""
    try:
        os.fstat(number)
    except OSError:
        return os.open(os.devnull, flags) == number
    return False


def discard_output() -> None:
    """Let the interpreter flush stdout into nothing at its exit, without another error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
