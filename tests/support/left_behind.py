"""What a test may leave to the tests after it: nothing that they could notice.

The very test that leaves something fails, so that no other one does, today or on a busy machine.
"""

from __future__ import annotations

import asyncio.events
import gc
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGCHLD]
_ORBAX = "orbax.checkpoint._src.asyncio_utils"

_OF_OTHERS = {
    "PYTEST_CURRENT_TEST",
    "_RJEM_MALLOC_CONF",
    "TF_CPP_MIN_LOG_LEVEL",
    "TPU_SKIP_MDS_QUERY",
}
"""Variables that no test has to put back: pytest sets the first for each part of a test, polars and
jax the others for themselves when they are imported."""

_ENDS = 300.0
"""Seconds that a thread has to end in; one that is about to end needs a moment."""

_raised: list[str] = []
"""What Orbax has raised since the test began."""


@contextmanager
def nothing() -> Iterator[None]:
    """Fails the test inside if it leaves something behind."""
    _watch_orbax()
    _raised.clear()
    before, threads = _state(), {*threading.enumerate()}
    yield
    collect()
    left = _differences(before, _state())
    left += [
        f"work that Orbax may go on with, as it raised {error}; "
        "ask it in another process, by tests.support.processes.elsewhere"
        for error in _raised
    ]
    left += [f"a thread: {name}" for name in _staying(threads)]
    if left:
        pytest.fail("the test leaves behind\n" + "\n".join(left), pytrace=False)


def collect() -> None:
    """Ends what only the collector finds, such as a file that nobody has closed: now, not later.

    What is left belongs to all tests; it is not looked at again, which would take longer than most
    tests do.
    """
    gc.collect()
    gc.freeze()


def _state() -> dict[str, Any]:
    """By name, what a test can change for those after it."""
    variables = {name: os.environ[name] for name in os.environ if name not in _OF_OTHERS}
    return {
        **{f"the variable {name}": value for name, value in variables.items()},
        **{f"the handler of {number.name}": signal.getsignal(number) for number in _SIGNALS},
        "a timer that goes on": signal.getitimer(signal.ITIMER_REAL) != (0, 0),
        "the working directory": os.getcwd(),  # noqa: PTH109  it is only compared
        "the search path": [*sys.path],
        "the event loop": _loop(),
        "the level below which nothing is logged": logging.root.manager.disable,
        "the limit of recursion": sys.getrecursionlimit(),
    }


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [
        f"{name}: {before.get(name)!r} is now {after.get(name)!r}"
        for name in before | after
        if before.get(name) != after.get(name)
    ]


def _loop() -> object:
    """The loop that is set in this thread, which to ask for would make one."""
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    return getattr(getattr(policy, "_local", None), "_loop", None)


def _staying(before: set[threading.Thread]) -> list[str]:
    """The names of the threads that have begun and do not end."""
    # One that another language began and that called Python once cannot be waited for.
    own = (t for t in threading.enumerate() if not isinstance(t, threading._DummyThread))
    begun = [thread for thread in own if thread not in before]
    for thread in begun:
        thread.join(_ENDS)
    return [thread.name for thread in begun if thread.is_alive()]


def _watch_orbax() -> None:
    """Takes down what Orbax raises, if it is loaded.

    It then closes an event loop while coroutines of that loop go on. What they call does not find
    the loop any more, which is told in whatever test runs by then.
    """
    module: Any = sys.modules.get(_ORBAX)
    if module is None or hasattr(module.run_sync, "__wrapped__"):
        return

    @wraps(run_sync := module.run_sync)
    def watched(coroutine: Any) -> Any:
        try:
            return run_sync(coroutine)
        except BaseException as error:
            _raised.append(repr(error))
            raise

    module.run_sync = watched
