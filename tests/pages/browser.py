"""Chromium, and what a page does in it that nobody sees."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.processes import HANGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserType, Page

SHOTS = Path(os.environ.get("ORBSCAN_SHOTS", "target/pages"))
"""Where pictures of the pages are kept, for those who change them."""

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium: apt-get install chromium, or name one in CHROMIUM"

PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const [first] = list.getEntriesByName('first-contentful-paint');
    if (first) {
      resolve(first.startTime);
    }
  }).observe({ type: 'paint', buffered: true });
})"""
"""Waits until something was drawn, and gives the time of the browser, in milliseconds."""

# The rules of WCAG 2.2 at the levels A and AA, and what axe-core recommends besides.
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}


def program() -> str | None:
    """The Chromium of this machine."""
    given = os.environ.get("CHROMIUM")
    return given or next(filter(None, map(shutil.which, NAMES)), None)


def started(kind: BrowserType) -> Browser:
    """Starts it; the test fails if there is none."""
    path = program()
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    # In a container, and as root, there are no namespaces for a sandbox.
    return kind.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])


class Opened:
    """A page that is open.

    Attributes:
        page: of playwright.
        requests: for anything but the page itself.
        said: on the console, and what was raised and not caught.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"raised: {error}"))

    def show(self, file: Path, fragment: str = "") -> Page:
        """Open a file, and wait until all of its scripts have run."""
        self.requests.clear()
        self.page.goto(file.absolute().as_uri() + fragment)
        return self.page

    def is_quiet(self) -> bool:
        """Whether it asked for nothing but itself, and nothing went wrong."""
        assert self.said == []
        assert len(self.requests) <= 1, self.requests
        return True

    def keep(self, name: str) -> None:
        """Keep a picture of all of the page."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        # Playwright would write the file in a thread that stays.
        (SHOTS / f"{name}.png").write_bytes(self.page.screenshot(full_page=True))

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        script = "() => [document.documentElement.scrollWidth, window.innerWidth]"
        needed, there = self.page.evaluate(script)
        return bool(needed > there)

    def violations(self) -> list[str]:
        """What axe-core finds: the rule, and the first places where it is broken."""
        found: Any = Axe().run(self.page, options=_RULES).response["violations"]
        return [
            f"{each['id']}: {[node['html'][:160] for node in each['nodes'][:3]]}" for each in found
        ]


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Opened]:
    """Open a page of its own, without a network."""
    options = {"viewport": {"width": 1280, "height": 900}, "offline": True, **options}
    context = browser.new_context(**options)
    # Playwright gives up after 30 s, which a busy machine may need.
    context.set_default_timeout(HANGS * 1_000)
    try:
        yield Opened(context.new_page())
    finally:
        context.close()


if __name__ == "__main__":
    if program() is None:
        sys.exit(f"*** {MISSING}")
