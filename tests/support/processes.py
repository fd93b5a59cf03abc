"""Programs and functions of the tests in processes of their own.

Whatever interrupts, is measured, or may leave something behind runs here: Orbax where it may fail,
for it then closes an event loop while coroutines of that loop go on, and these complain in whatever
test runs by then.
"""

from __future__ import annotations

import importlib
import pickle
import shlex
import subprocess
import sys
import tempfile
import textwrap
import traceback
from functools import wraps
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from tests.support import nursery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

ROOT = nursery.ROOT

HANGS = 900.0
"""Seconds after which a process counts as one that never ends; a busy machine needs a tenth."""

_SHOWN = 8_000
"""Characters of each stream that a failure shows."""


def run(command: Sequence[object], **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, whatever its exit code; options are those of `subprocess.run`."""
    words = [str(word) for word in command]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    options = {**streams, "encoding": "utf-8", **options}
    try:
        return subprocess.run(words, check=False, timeout=HANGS, **options)  # noqa: S603, TID251
    except subprocess.TimeoutExpired as error:
        said = f"{_text(error.stdout)}\n{_text(error.stderr)}"
        pytest.fail(f"still running after {HANGS:.0f} s: {_shown(words)}\n{said}", pytrace=False)


def output(command: Sequence[object], **options: Any) -> str:
    """What a command writes to stdout; the test fails if the command does."""
    ended = run(command, **options)
    if ended.returncode != 0:
        said = f"{_text(ended.stdout)}\n{_text(ended.stderr)}"
        how = f"exit code {ended.returncode}"
        pytest.fail(f"{how}: {_shown(ended.args)}\n{said}", pytrace=False)
    return ended.stdout


def python(program: str, *arguments: object, **options: Any) -> str:
    """What a program in Python writes to stdout."""
    return output([sys.executable, "-c", textwrap.dedent(program), *arguments], **options)


def elsewhere(function: Callable[..., T], *arguments: object) -> T:
    """Calls a function of a module in another process, with which all that it left undone ends.

    The test fails if the function raises anything. What it takes and returns is pickled.
    """
    returned: T
    returned, _ = _ask({}, function.__module__, function.__qualname__, arguments, {})
    return returned


def apart(test: Callable[..., None]) -> Callable[..., None]:
    """Runs a test elsewhere: decorates one in which Orbax fails, or may fail."""

    # Without its attributes, by which hypothesis would take the caller for a test of its own.
    @wraps(test, updated=())
    def called(**named: object) -> None:
        _ask({}, test.__module__, f"{test.__name__}.__wrapped__", (), named)

    return called


def with_orbax(program: str, **environment: str) -> str:
    """What a program in Python writes to stdout, in a process that has imported Orbax already.

    Args:
        program: its text.
        environment: what is added to the environment, before jax looks at its devices.
    """
    return _ask(environment, __name__, "_execute", (textwrap.dedent(program),), {})[1]


def _execute(program: str) -> None:
    exec(program, {"__name__": "__main__"})  # noqa: S102  our own


def _ask(environment: dict[str, str], *asked: object) -> tuple[Any, str]:
    """What a function returns in another process, and what it has written to stdout."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "question").write_bytes(pickle.dumps(asked))
        status = _nursery.ask(folder, environment)
        out, err = ((folder / stream).read_text("utf-8") for stream in ("stdout", "stderr"))
        if status != 0:
            pytest.fail(
                f"exit code {status}: {asked[:2]}\n{_text(out)}\n{_text(err)}", pytrace=False
            )
        return pickle.loads((folder / "answer").read_bytes()), out  # noqa: S301  our own


_nursery = nursery.Nursery()


def answer(folder: Path) -> int:
    """Answers the question in a folder: the exit code."""
    try:
        module, name, arguments, named = pickle.loads((folder / "question").read_bytes())  # noqa: S301  our own
        function = attrgetter(name)(importlib.import_module(module))
        (folder / "answer").write_bytes(pickle.dumps(function(*arguments, **named)))
    except BaseException:  # noqa: BLE001  shown by the test that asked
        traceback.print_exc()
        return 1
    return 0


def _shown(words: Sequence[str]) -> str:
    return shlex.join(words)[:_SHOWN]


def _text(stream: str | bytes | None) -> str:
    text = stream.decode(errors="replace") if isinstance(stream, bytes) else stream or ""
    return text[-_SHOWN:]
