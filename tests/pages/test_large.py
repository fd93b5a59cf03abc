"""Pages of large states: small, drawn at once, and complete as far as they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.reporting.conftest import data_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pages.browser import Opened

# How long until the browser had drawn something, in milliseconds, on its own clock.
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A checkpoint of so many leaves, of which no two siblings differ in a number only."""
    root = tmp_path_factory.mktemp("many")

    def written(leaves: int) -> Path:
        path = root / str(leaves)
        path.mkdir(exist_ok=True)
        header, end = {}, 0
        for number in range(leaves):
            letters = "".join(chr(97 + int(digit)) for digit in f"{number:06}")
            shape = [1 + number % 97, 1 + number % 61]
            begin, end = end, end + 4 * shape[0] * shape[1]
            header[letters] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        with (path / "model.safetensors").open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            # A file that has no content takes no space.
            file.truncate(8 + len(text) + end)
        return path

    return written


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
