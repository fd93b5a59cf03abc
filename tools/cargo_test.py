"""Runs `cargo test`, and ends a failed run with the commands that run each failed test alone.

    python3 tools/cargo_test.py [ARGUMENT ...]

The exit code is that of cargo. Standard library only, like `step.py`.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_AGAIN = re.compile(r"to rerun pass `(.+)`")


def run(arguments: list[str]) -> int:
    """Runs the tests, shows their output, and returns the exit code."""
    colour = ["--color=always"] if sys.stdout.isatty() else []
    lines: list[str] = []
    with subprocess.Popen(
        ["cargo", "test", *colour, *arguments],  # noqa: S607  the Makefile has looked for it
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(_COLOUR.sub("", line.rstrip("\n")))
    if process.returncode != 0:
        for command in commands(lines):
            print(command)
    return process.returncode


def commands(lines: Iterable[str]) -> Iterator[str]:
    """The commands, from the output of cargo; empty if it did not get to running a test."""
    failed: dict[str, None] = {}
    listing = False
    for line in lines:
        if line == "failures:":
            listing = True
        elif listing and line.startswith("    "):
            failed[line.strip()] = None
        elif line:
            listing = False
        if again := _AGAIN.search(line):
            yield "to run what failed alone:"
            command = f"    cargo test {again[1]} --all-features"
            # If the process died, cargo does not say in which test.
            yield from (f"{command} -- --exact {shlex.quote(name)}" for name in failed)
            if not failed:
                yield command
            failed.clear()


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
