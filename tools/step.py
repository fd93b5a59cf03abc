"""Runs one step of the Makefile: names it, times it, and reports a failure.

    python3 tools/step.py [--heartbeat] NAME COMMAND [ARGUMENT ...]

`--heartbeat` is for commands without output for a long time: a line every few seconds says that
they are still running. The exit code is that of the command. Standard library only, because the
first steps run before there is a virtual environment.
"""

import shlex
import subprocess
import sys
import time

HEARTBEAT_SECONDS = 15.0


def run(name: str, command: list[str], *, heartbeat: bool) -> int:
    """Runs `command` to its end and returns its exit code; 127 if it cannot be started."""
    print(f"==> {name}", flush=True)
    started = time.monotonic()
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        print(
            f"*** {name} FAILED: cannot start {command[0]}: {error.strerror}",
            flush=True,
        )
        return 127
    code = wait(process, name, started, HEARTBEAT_SECONDS if heartbeat else None)
    elapsed = time.monotonic() - started
    if code == 0:
        print(f"    {name}: ok, {elapsed:.1f} s", flush=True)
    else:
        print(f"*** {name} FAILED after {elapsed:.1f} s with exit code {code}", flush=True)
        print(f"    to run this step alone: {shlex.join(command)}", flush=True)
    return code


def wait(process: subprocess.Popen[bytes], name: str, started: float, beat: float | None) -> int:
    """Waits for `process`, reporting every `beat` seconds that it runs; None waits silently."""
    while True:
        try:
            return process.wait(timeout=beat)
        except subprocess.TimeoutExpired:
            print(f"    {name}: {time.monotonic() - started:.0f} s so far", flush=True)
        except KeyboardInterrupt:
            # The terminal has sent the same signal to the command: let it end by itself.
            process.wait()
            return 130


def main() -> int:
    """Parses the command line by hand: everything after NAME belongs to the command."""
    arguments = sys.argv[1:]
    heartbeat = arguments[:1] == ["--heartbeat"]
    name, *command = arguments[1:] if heartbeat else arguments
    return run(name, command, heartbeat=heartbeat)


if __name__ == "__main__":
    sys.exit(main())
