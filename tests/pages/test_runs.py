"""The page of a run: lines over steps, and the way to the page of each step."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.pages.browser import opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.pages.browser import Opened

STEPS = 500
BROKEN = (17, 250, 251, 498)
ABSENT = (30, 31)


@pytest.fixture(scope="module")
def long_run(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 500 steps, some of them broken, two of them gone."""
    root = tmp_path_factory.mktemp("long") / "run"
    for step in range(STEPS):
        if step not in ABSENT:
            shutil.copytree(demo / "runs" / "base" / "1500", root / f"{10 * step}")
    for step in BROKEN:
        (root / f"{10 * step}" / "default" / "_METADATA").write_text("{", "utf-8")
    return root


@pytest.fixture(scope="module")
def checked(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which one step has no shardings, and another has lost chunks."""
    run = tmp_path_factory.mktemp("checked") / "run"
    shutil.copytree(demo / "runs" / "base", run)
    (run / "1400" / "default" / "_sharding").unlink()
    shutil.rmtree(run / "1500")
    shutil.copytree(demo / "damaged" / "cut", run / "1500")
    return run


def test_every_step_leads_to_its_page_and_back(
    opened: Opened, report: Callable[..., Path], demo: Path
) -> None:
    page = opened.show(report(demo / "runs"))
    assert page.locator("article:visible").count() == 1
    page.get_by_role("link", name="1300", exact=True).click()
    assert page.locator("h1:visible").inner_text() == "1300"
    assert page.locator("article:visible .treemap .cell").count() > 0
    page.get_by_role("navigation", name="Back").get_by_role("link").click()
    assert page.locator("h1:visible").inner_text() == "runs"
    page.set_viewport_size({"width": 1000, "height": 800})
    page.go_back()
    assert page.locator("h1:visible").inner_text() == "1300"
    cells = page.locator("article:visible .treemap .cell")
    cells.first.wait_for()
    assert cells.count() > 0
    assert page.locator("article:visible .nothing").is_hidden()
    assert opened.is_quiet()


def test_lines_have_a_point_for_each_step_that_is_whole(
    opened: Opened, report: Callable[..., Path], long_run: Path
) -> None:
    file = report(long_run)
    assert file.stat().st_size < 2_000_000
    page = opened.show(file)
    there = STEPS - len(ABSENT)
    assert page.locator(".steps tbody tr").count() == there
    memory = page.locator(".chart").first
    assert memory.locator("circle").count() == there - len(BROKEN)
    assert memory.locator(".mark.broken").count() == len(BROKEN)
    assert "300,310" in page.locator(".run .note").inner_text()
    boxes = memory.locator("circle").evaluate_all("all => all.map(each => each.cx.baseVal.value)")
    assert boxes == sorted(boxes)
    assert page.locator(".overview .note").count() == 1 or page.get_by_text("had no room").count()
    opened.keep("run-500")
    assert opened.is_quiet()


def test_what_a_check_finds_is_marked_and_leads_to_its_findings(
    opened: Opened, report: Callable[..., Path], checked: Path
) -> None:
    page = opened.show(report(checked, level="index"))
    memory = page.locator(".chart").first
    assert memory.locator(".mark.damaged").count() == 1
    assert memory.locator(".mark.warned").count() == 1
    cells = page.locator(".steps .check.damaged")
    assert cells.count() == 1
    assert cells.first.inner_text() == "damaged, 2 errors"
    page.locator(".steps .found a").filter(has_text="chunk-lost").click()
    assert page.locator("h1:visible").inner_text() == "1500"
    findings = page.locator("article:visible .findings")
    assert findings.locator(".finding.error").count() == 2
    assert findings.evaluate("at => at.getBoundingClientRect().top < window.innerHeight")
    assert page.locator("article:visible .treemap .cell.hatched").count() == 1
    page.get_by_role("navigation", name="Back").get_by_role("link").click()
    page.get_by_role("link", name="1000", exact=True).click()
    assert "checked at level index" in page.locator("article:visible .facts").inner_text()
    assert opened.is_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_that_was_checked_can_be_read_by_everybody(
    browser: Browser, report: Callable[..., Path], checked: Path, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as seen:
        page = seen.show(report(checked, level="index"))
        assert seen.violations() == []
        for width in (360, 768, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert not seen.overflows(), width
            if width in {360, 1440}:
                seen.keep(f"runs-checked-{width}-{scheme}")
        assert seen.is_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody_at_every_width(
    browser: Browser, report: Callable[..., Path], demo: Path, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as seen:
        page = seen.show(report(demo / "runs"))
        assert seen.violations() == []
        for width in (360, 768, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert not seen.overflows(), width
            if width in {360, 1440}:
                seen.keep(f"runs-{width}-{scheme}")
        assert seen.is_quiet()
