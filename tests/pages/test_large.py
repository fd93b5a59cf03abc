"""Pages of large states: small, drawn at once, and complete as far as they say."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import pytest

from benches import synthetic
from tests.pages.browser import PAINTED
from tests.reporting.conftest import data_of, rows_of
from tests.support import handmade

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pages.browser import Opened


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A checkpoint of so many leaves, of which no two siblings differ in a number only."""
    root = tmp_path_factory.mktemp("many")

    def written(leaves: int) -> Path:
        path = root / str(leaves)
        if not path.exists():
            synthetic.unlike(path, leaves)
        return path

    return written


AREAS = """() => [...document.querySelectorAll('.treemap .cell')].map((element) => {
  const { width, height } = element.getBoundingClientRect();
  const node = element.dataset.node;
  return [node === undefined ? null : Number(node), width * height];
})"""


@pytest.mark.parametrize("leaves", [3_000, 100_000])
def test_areas_are_bytes_also_of_what_is_too_small_to_be_drawn(
    opened: Opened, report: Callable[..., Path], many: Callable[[int], Path], leaves: int
) -> None:
    file = report(many(leaves))
    rows = rows_of(data_of(file.read_text("utf-8")))
    memory = {at: row["kind"]["nbytes"] for at, row in enumerate(rows) if row["kind"]}
    total = sum(4 * prod(synthetic.unlike_shape(number)) for number in range(leaves))
    page = opened.show(file)
    areas = page.evaluate(AREAS)
    frame = page.locator(".treemap").evaluate("at => at.clientWidth * at.clientHeight")
    drawn = {node: area for node, area in areas if node is not None}
    [rest] = [area for node, area in areas if node is None]
    unseen = total - sum(memory[node] for node in drawn)
    assert unseen > 0
    # Gaps lie between those that are drawn; the rest has one around it.
    assert rest / frame == pytest.approx(unseen / total, abs=0.02)
    assert sum(drawn.values()) + rest > 0.75 * frame
    label = page.locator(".treemap .rest").get_attribute("aria-label") or ""
    assert label.startswith(f"… {leaves - len(drawn):,} more leaves, ")
    assert opened.is_quiet()


def test_what_is_too_small_leads_to_the_table_of_it(
    opened: Opened, report: Callable[..., Path], many: Callable[[int], Path]
) -> None:
    page = opened.show(report(many(100_000)))
    page.locator(".treemap .rest").click()
    assert page.locator("th[data-name='memory']").get_attribute("aria-sort") == "descending"
    assert page.evaluate("() => document.activeElement.type") == "search"
    assert page.locator(".leaves").evaluate("at => at.getBoundingClientRect().top") < 900
    page.locator(".treemap .rest").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.type") == "search"
    assert opened.is_quiet()


def test_a_small_container_is_opened_by_what_is_gathered_in_it(
    opened: Opened, report: Callable[..., Path], tmp_path: Path
) -> None:
    names = ["".join(letters) for letters in product("abcdefghijklmnopqrstuvwxy", repeat=2)]
    small = {name: handmade.Array((100,)) for name in names}
    tree: dict[str | None, Any] = {
        "state": {"large": handmade.Array((6_250, 1_000)), "small": small}
    }
    page = opened.show(report(handmade.write(tmp_path / "1", tree)))
    inside = page.locator(".treemap .rest")
    assert inside.count() == 1
    assert (inside.get_attribute("aria-label") or "").startswith("625 leaves, in state/small, ")
    inside.click()
    assert page.locator(".crumbs button").last.inner_text() == "small"
    assert page.locator(".treemap .cell:not(.rest)").count() == 625
    assert opened.is_quiet()


def test_a_large_model_is_small_and_folded(
    opened: Opened, report: Callable[..., Path], llama: Path
) -> None:
    file = report(llama)
    assert file.stat().st_size < 300_000
    page = opened.show(file)
    assert "3,411" in page.locator(".facts").inner_text()
    assert page.locator(".treemap .cell").count() > 20
    page.get_by_role("searchbox").fill("layers_77/mlp/up")
    assert page.locator(".leaves tbody tr").count() == 3
    page.locator(".leaves .pick").first.click()
    assert page.locator(".mesh .device").count() == 512
    assert opened.is_quiet()


def test_ten_thousand_leaves_are_drawn(
    opened: Opened, report: Callable[..., Path], many: Callable[[int], Path]
) -> None:
    page = opened.show(report(many(10_000)))
    assert page.locator(".treemap .cell").count() > 1_000
    assert page.evaluate(PAINTED) > 0
    assert opened.is_quiet()


def test_a_hundred_thousand_leaves_are_a_page_that_says_what_it_leaves_out(
    opened: Opened, report: Callable[..., Path], many: Callable[[int], Path]
) -> None:
    file = report(many(100_000))
    assert file.stat().st_size < 2_000_000
    data = data_of(file.read_text("utf-8"))
    assert data["leaves"] == 100_000
    page = opened.show(file)
    note = page.locator(".cut").inner_text()
    assert data["leftOut"] in note
    assert note.startswith(data["leftOut"])
    assert page.locator(".treemap .cell").count() > 500
    assert opened.is_quiet()
