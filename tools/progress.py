"""Reports what a long step is doing, how long it has been running, and when it is done."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TextIO

TICK_SECONDS = 5.0


@contextlib.contextmanager
def long_step(what: str, file: TextIO | None = None) -> Iterator[None]:
    """Announces `what`, reports every few seconds that it still runs, and its time at the end.

    The lines go to `file`, or to standard output. A block that raises prints no closing
    line: the traceback says more.
    """
    started = time.monotonic()
    done = threading.Event()

    def tick() -> None:
        while not done.wait(TICK_SECONDS):
            print(
                f"    {what}: {time.monotonic() - started:.0f} s so far",
                file=file,
                flush=True,
            )

    print(f"==> {what}", file=file, flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        done.set()
        ticker.join()
    print(f"    {what}: done, {time.monotonic() - started:.1f} s", file=file, flush=True)
