"""The documentation as it is built: every page opens, every link leads somewhere, search works."""

from __future__ import annotations

import re
import sys
from html import unescape
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support.processes import ROOT, output

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pages.browser import Opened

NOT_PAGES = {"genindex.html", "search.html"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation, which is built without a warning."""
    folder = ROOT / "target" / tmp_path_factory.mktemp("site").name
    output([sys.executable, "-m", "tools.site", folder], cwd=ROOT)
    return folder


def test_every_page_opens_and_every_link_leads_to_a_place(site: Path, opened: Opened) -> None:
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 25
    texts = {page.name: page.read_text("utf-8") for page in pages}
    ids = {name: {*re.findall(r' id="([^"]*)"', text)} for name, text in texts.items()}
    lost = []
    for name, text in texts.items():
        for link in map(unescape, re.findall(r'<a [^>]*href="([^"]*)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            target, _, anchor = link.partition("#")
            target = target or name
            if not (site / target).exists() or (anchor and anchor not in ids.get(target, ())):
                lost.append(f"{name}: {link}")
    assert lost == []
    for page in pages:
        opened.show(page)
        assert opened.page.locator("h1").count() >= 1 or page.name in NOT_PAGES
        assert opened.said == [], page.name
        assert all(url.startswith("file:") for url in opened.requests), page.name


@pytest.mark.parametrize("width", [360, 1280])
def test_my_checkpoint_does_not_load_is_found_in_two_clicks(
    site: Path, opened: Opened, width: int
) -> None:
    """By who has read nothing yet: one link that can be seen, then one to what is said of it."""
    page = opened.show(site / "index.html")
    page.set_viewport_size({"width": width, "height": 800})
    links = page.locator("article").get_by_role("link", name="My checkpoint does not load")
    # It stands where one begins to read.
    assert links.first.evaluate("link => link.getBoundingClientRect().bottom < window.innerHeight")
    with page.expect_navigation():
        links.first.click()
    assert page.locator("h1").inner_text().startswith("My checkpoint does not load")
    answers = page.locator("article section h2")
    assert answers.count() >= 3
    inner = page.locator("article p a.reference.internal:visible").first
    with page.expect_navigation():
        inner.click()
    assert page.url.startswith("file:")
    assert page.locator("h1").is_visible()
    assert opened.said == []


def test_search_needs_no_server(site: Path, opened: Opened) -> None:
    page = opened.show(site / "search.html", "?q=chunk-lost")
    page.locator("#search-results li").first.wait_for()
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("Is it complete" in title or "verify" in title.lower() for title in found), found
    assert opened.said == []


def test_every_public_name_is_documented(site: Path) -> None:
    text = (site / "api.html").read_text("utf-8")
    named = {*re.findall(r'id="orbscan\.([A-Za-z0-9_]+)"', text)}
    assert {name for name in orbscan.__all__ if not name.startswith("_")} <= named


def test_every_command_has_its_help(site: Path) -> None:
    from orbscan import cli

    text = (site / "commands.html").read_text("utf-8")
    assert all(f"usage: orbscan {name}" in text for name in cli.COMMANDS)
