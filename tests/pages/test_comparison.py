"""Two checkpoints side by side: what is changed is coloured, and what belongs together moves so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.pages.browser import opened
from tests.support import handmade

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.pages.browser import Opened


@pytest.fixture(scope="module")
def page_of_two(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("two") / "diff.html"
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    orbscan.report(found).save(file)
    return file


def test_what_is_selected_on_one_side_is_selected_on_the_other(
    opened: Opened, page_of_two: Path
) -> None:
    page = opened.show(page_of_two)
    before, after = page.locator(".side").all()
    # To begin with, the largest that is not the same.
    assert before.locator(".array h3").inner_text() == "params/embedding"
    assert after.locator(".array h3").inner_text() == "params/embedding"
    assert "dtype float32 -> bfloat16" in after.locator(".array").inner_text()
    before.locator(".treemap .cell[aria-label*='layers_']").first.click()
    renamed = before.locator(".array h3").inner_text()
    assert after.locator(".array h3").inner_text() == renamed.replace("layers_", "blocks_")
    assert "layers_" in renamed
    assert after.locator(".selected").count() == 1
    after.locator(".treemap .cell[aria-label*='added']").first.click()
    assert "Nothing belongs to it" in before.locator(".array").inner_text()
    assert before.locator(".selected").count() == 0
    assert opened.is_quiet()


def test_what_is_opened_on_one_side_is_opened_on_the_other(
    opened: Opened, page_of_two: Path
) -> None:
    page = opened.show(page_of_two)
    before, after = page.locator(".side").all()
    before.locator(".box > .head").get_by_text("params", exact=True).click()
    assert before.locator(".crumbs button").last.inner_text() == "params"
    assert after.locator(".crumbs button").last.inner_text() == "params"
    after.locator(".crumbs button").first.click()
    assert before.locator(".crumbs button").count() == 1
    assert opened.is_quiet()


def test_colours_tell_what_has_changed(opened: Opened, page_of_two: Path) -> None:
    page = opened.show(page_of_two)
    legends = [side.locator(".legend b").all_inner_texts() for side in page.locator(".side").all()]
    assert "changed" in legends[0]
    assert "perhaps renamed" in legends[0]
    assert "added" in legends[1]
    assert "removed" not in legends[1]
    changed = page.locator(".cell[aria-label*='dtype float32 -> bfloat16']")
    assert changed.count() == 2
    colour = "at => getComputedStyle(at).backgroundColor"
    assert {each.evaluate(colour) for each in changed.all()} == {"rgb(230, 159, 0)"}
    page.locator(".toolbar").get_by_role("button", name="Type").click()
    assert "bfloat16" in page.locator(".side .legend").last.inner_text()
    assert opened.is_quiet()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody_at_every_width(
    browser: Browser, page_of_two: Path, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as seen:
        page = seen.show(page_of_two)
        assert seen.violations() == []
        for width in (360, 768, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            assert not seen.overflows(), width
            if width in {360, 1440}:
                seen.keep(f"diff-{width}-{scheme}")
        assert seen.is_quiet()


def test_hostile_names_are_shown_and_not_obeyed(opened: Opened, tmp_path: Path) -> None:
    name = '<img src=x onerror=alert(1)>"'
    a = handmade.write(tmp_path / "<b>", {"state": {name: handmade.Array((2,))}})
    b = handmade.write(tmp_path / "&lt;i&gt;", {"state": {name: handmade.Array((3,))}})
    file = tmp_path / "diff.html"
    orbscan.report(orbscan.diff(a, b)).save(file)
    page = opened.show(file)
    assert name in page.locator(".changes").inner_text()
    assert page.locator("img, [onerror]").count() == 0
    assert page.locator("h1").inner_text() == "<b> and &lt;i&gt;"
    assert opened.is_quiet()
