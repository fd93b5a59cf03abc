"""Draws the pictures of pages that the README shows.

    python -m tools.pictures

They are pictures of real pages, of the run in `orbscan demo` and of the train state of a Llama with
405 billion parameters, as Chromium shows them (`CHROMIUM` names another one than that on the path).
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import orbscan
from benches import synthetic
from orbscan.cli.demo import unpack
from tests.pages.browser import opened, started
from tools.progress import long_step

if TYPE_CHECKING:
    from orbscan.types import Level

DOCS = Path(__file__).absolute().parents[1] / "docs"
SIZE = {"width": 1280, "height": 860}


def main() -> int:
    """Writes the pictures."""
    # Paths are shown as they are given: these do not tell where the pictures are made.
    with tempfile.TemporaryDirectory() as folder, chdir(folder), long_step("pages are made"):
        unpack("demo")
        synthetic.llama(Path("llama-405b"), "405b", with_chunks=False)
        subjects: dict[str, tuple[Path, str, Level | None]] = {
            "report-run": (Path("demo", "runs", "base"), "", "index"),
            "report-llama-405b": (Path("llama-405b"), "Sharding", None),
        }
        with sync_playwright() as playwright:
            browser = started(playwright.chromium)
            for name, (path, colours, level) in subjects.items():
                file = Path(f"{name}.html")
                orbscan.report(path, level=level).save(file)
                with opened(browser, viewport=SIZE) as seen:
                    page = seen.show(file)
                    if colours:
                        page.locator(".toolbar").get_by_role("button", name=colours).click()
                    # Where and when it was made is not of interest, nor that it has no data.
                    page.locator(".path").first.evaluate("(element) => element.remove()")
                    for label in ("stored", "committed", "state"):
                        fact = page.locator(".checkpoint:visible .facts > div").filter(
                            has=page.get_by_text(label, exact=True)
                        )
                        if fact.count():
                            fact.evaluate("(element) => element.remove()")
                    (DOCS / f"{name}.png").write_bytes(page.screenshot())
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
