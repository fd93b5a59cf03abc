"""Times pages: how long it takes to make one, how large it is, and when a browser has drawn it.

    python -m benches.pages [--runs 5] [--leaves 3000 10000 100000]

Each page is made once to import what is needed, and then so many times; the time is the median.
Chromium (`CHROMIUM` names another than that of the path) opens the file from the disk, without a
network, each time in a new context. `painted` is its first contentful paint, `ready` the moment
when all scripts have run, both on its own clock from the beginning of the navigation.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import orbscan
from benches import synthetic
from tests.pages.browser import PAINTED, opened, started
from tools.progress import long_step

READY = "() => performance.getEntriesByType('navigation')[0].domComplete"


def main() -> int:
    """Makes the pages, opens them, and prints a table."""
    parser = argparse.ArgumentParser(prog="benches.pages", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--leaves", type=int, nargs="+", default=[3_000, 10_000, 100_000])
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = started(playwright.chromium)
        for name, path in subjects(Path(folder), options.leaves):
            with long_step(f"the page of {name}"):
                rows.append((name, *measured(browser, path, options.runs)))
        browser.close()
    print("| state | made in | with a check | size | painted | ready |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, made, checked, nbytes, painted, ready in rows:
        cells = (seconds(made), seconds(checked), size(nbytes), ms(painted), ms(ready))
        print(f"| {name} | {' | '.join(cells)} |")
    return 0


def subjects(folder: Path, numbers: list[int]) -> Iterator[tuple[str, Path]]:
    """Writes checkpoints one by one, and gives their names."""
    for leaves in numbers:
        synthetic.unlike(folder / str(leaves), leaves)
        yield f"{leaves:,} leaves, all different", folder / str(leaves)
    synthetic.llama(folder / "llama-405b", "405b")
    yield "Llama 405B: 3,411 leaves over 512 devices", folder / "llama-405b"


def measured(browser: Browser, path: Path, runs: int) -> tuple[float, float, int, float, float]:
    """Seconds without and with a check, bytes, and the milliseconds of the browser."""
    file = path.parent / f"{path.name}.html"
    page = orbscan.report(path)
    page.save(file)
    times: list[list[float]] = [[], []]
    for _ in range(runs):
        for found, checks in zip(times, (False, True), strict=True):
            began = time.perf_counter()
            orbscan.report(path) if checks else orbscan.report(path, level=None)
            found.append(time.perf_counter() - began)
    seen: list[tuple[float, float]] = []
    for _ in range(runs):
        with opened(browser) as tab:
            shown = tab.show(file)
            seen.append((shown.evaluate(PAINTED), shown.evaluate(READY)))
    painted, ready = (statistics.median(each) for each in zip(*seen, strict=True))
    made, checked = (statistics.median(found) for found in times)
    return made, checked, page.nbytes, painted, ready


def seconds(duration: float) -> str:
    """Shows a duration."""
    return f"{duration:.2f} s"


def ms(duration: float) -> str:
    """Shows milliseconds."""
    return f"{duration:,.0f} ms"


def size(nbytes: int) -> str:
    """Shows a number of bytes.

    >>> size(282_000), size(1_900_000)
    ('282 kB', '1,900 kB')
    """
    return f"{nbytes / 1000:,.0f} kB"


if __name__ == "__main__":
    sys.exit(main())
