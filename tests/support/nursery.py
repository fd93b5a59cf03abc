"""A process that has imported Orbax, whose children do what tests ask of it elsewhere.

Importing Orbax takes seconds. A child of a process that has imported it starts at once, with the
same modules as a new process after its imports, and with nothing that another child has done.

    python -m tests.support.nursery

reads tasks, one a line: the folder of a question, and the environment of the child. It writes the
exit code of each.
"""

from __future__ import annotations

import atexit
import faulthandler
import importlib
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[2]

LIBRARIES = ("orbax.checkpoint", "orbax.checkpoint.experimental.v1", "jax", "orbscan")


class Nursery:
    """The process, for those who ask it; it is started when it is first asked."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, folder: Path, environment: Mapping[str, str]) -> int:
        """Let a child answer the question in a folder, and return its exit code.

        What it writes to its streams is in the files `stdout` and `stderr` there.
        """
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([str(folder), {**os.environ, **environment}]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        # Without a line, the process itself has died.
        return int(line) if line else process.wait()

    def _started(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603  our own
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        atexit.register(self._end, process)
        return process

    @staticmethod
    def _end(process: subprocess.Popen[str]) -> None:
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
        process.wait()


def serve(tasks: IO[str], answers: IO[str], answer: Callable[[Path], int], hangs: float) -> None:
    """Let a child answer each task, until there are no more.

    Args:
        tasks: the lines.
        answers: the exit codes.
        answer: answers the question in a folder.
        hangs: seconds after which a child shows where it is, and ends.
    """
    for line in tasks:
        folder, environment = json.loads(line)
        child = os.fork()
        if child == 0:
            _take_streams(Path(folder))
            os.environ.clear()
            os.environ.update(environment)
            faulthandler.dump_traceback_later(hangs, exit=True)
            status = answer(Path(folder))
            sys.stdout.flush()
            sys.stderr.flush()
            # Threads and loops that are still at work are not waited for.
            os._exit(status)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _take_streams(folder: Path) -> None:
    """Let the streams of this process be files."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), number)


def _main() -> None:
    # What is set for every test, before jax is imported.
    importlib.import_module("tests.conftest")
    for library in LIBRARIES:
        # The oldest releases of Orbax have no v1.
        with suppress(ModuleNotFoundError):
            importlib.import_module(library)
    processes = importlib.import_module("tests.support.processes")
    # The stream on which exit codes are written is not that of the children.
    with os.fdopen(os.dup(1), "w") as answers:
        serve(sys.stdin, answers, processes.answer, processes.HANGS)


if __name__ == "__main__":
    _main()
