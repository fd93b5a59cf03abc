"""Draws the pictures of pages that the README shows.

    python -m tools.pictures

They are pictures of real pages, of the run in `orbscan demo` and of the train state of a Llama with
405 billion parameters, as Chromium shows them (`CHROMIUM` names another one than that on the path).
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import orbscan
from benches import synthetic
from orbscan.cli.demo import unpack
from tests.pages.browser import opened, started
from tools.progress import long_step

DOCS = Path(__file__).parents[1] / "docs"
SIZE = {"width": 1280, "height": 860}


def main() -> int:
    """Writes the pictures."""
    with tempfile.TemporaryDirectory() as folder, long_step("pages are made"):
        root = Path(folder)
        unpack(str(root / "demo"))
        synthetic.llama(root / "llama-405b", "405b", with_chunks=False)
        subjects = {
            "report-run": (root / "demo" / "runs" / "base", ""),
            "report-llama-405b": (root / "llama-405b", "Sharding"),
        }
        with sync_playwright() as playwright:
            browser = started(playwright.chromium)
            for name, (path, colours) in subjects.items():
                file = root / f"{name}.html"
                orbscan.report(path, level=None).save(file)
                with opened(browser, viewport=SIZE) as seen:
                    page = seen.show(file)
                    if colours:
                        page.locator(".toolbar").get_by_role("button", name=colours).click()
                    # Where and when it was made is not of interest.
                    page.locator(".path").first.evaluate("(element) => element.remove()")
                    for label in ("stored", "committed"):
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
