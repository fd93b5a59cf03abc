"""The page of a checkpoint: what is drawn, what clicks and keys do, and who can read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.pages.browser import Opened, opened
from tests.reference.differences.situation import golden
from tests.reporting.conftest import at, data_of, rows_of
from tests.support import handmade
from tests.support.corpus import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

WIDTHS = (360, 620, 768, 1080, 1440, 1920)

RECTANGLES = """() => [...document.querySelectorAll('.treemap [data-node]')].map((element) => {
  const box = element.getBoundingClientRect();
  const frame = element.parentElement.getBoundingClientRect();
  return {
    node: Number(element.dataset.node), isLeaf: element.classList.contains('cell'),
    x: box.x - frame.x, y: box.y - frame.y, width: box.width, height: box.height,
    wide: frame.width, tall: frame.height, colour: getComputedStyle(element).backgroundColor,
  };
})"""


def rectangles(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(RECTANGLES)
    return found


def colour_of(text: str) -> tuple[int, ...]:
    """The channels of `#rrggbb`, or of `rgb(r, g, b)`."""
    if text.startswith("#"):
        return tuple(int(text[at : at + 2], 16) for at in (1, 3, 5))
    return tuple(int(part) for part in text[4:-1].split(","))


def test_rectangles_are_as_large_as_their_bytes(
    opened: Opened, report: Callable[..., Path], demo: Path
) -> None:
    file = report(demo / "composite")
    rows = rows_of(data_of(file.read_text("utf-8")))
    memory = [row["count"] * row["kind"]["nbytes"] if row["kind"] else 0 for row in rows]
    page = opened.show(file)
    drawn = [each for each in rectangles(page) if each["isLeaf"]]
    with_bytes = {at for at, nbytes in enumerate(memory) if nbytes > 0}
    shown = {each["node"] for each in drawn}
    assert shown <= with_bytes
    # What is left out takes less than a rectangle that could be seen.
    unseen = sum(memory[at] for at in with_bytes - shown)
    assert unseen < 0.005 * sum(memory)
    areas: dict[int, list[tuple[int, float]]] = {}
    for each in drawn:
        assert each["x"] >= 0 <= each["y"]
        assert each["x"] + each["width"] <= each["wide"] + 1
        assert each["y"] + each["height"] <= each["tall"] + 1
        if min(each["width"], each["height"]) > 12:
            area = (each["width"] + 2) * (each["height"] + 2)
            areas.setdefault(rows[each["node"]]["parent"], []).append((memory[each["node"]], area))
    assert any(len(siblings) > 1 for siblings in areas.values())
    for siblings in areas.values():
        densities = [area / nbytes for nbytes, area in siblings]
        # A rectangle is rounded to whole pixels on each side.
        assert max(densities) < 1.35 * min(densities)
    assert opened.is_quiet()


def test_rectangles_fill_the_frame_and_do_not_overlap(
    opened: Opened, report: Callable[..., Path], demo: Path
) -> None:
    page = opened.show(report(demo / "composite"))
    drawn = [each for each in rectangles(page) if each["isLeaf"]]
    area = sum(each["width"] * each["height"] for each in drawn)
    assert area > 0.72 * drawn[0]["wide"] * drawn[0]["tall"]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            across = min(one["x"] + one["width"], other["x"] + other["width"]) - max(
                one["x"], other["x"]
            )
            down = min(one["y"] + one["height"], other["y"] + other["height"]) - max(
                one["y"], other["y"]
            )
            assert across <= 0 or down <= 0


@pytest.mark.parametrize("name", ["type", "sharding", "copies", "ratio", "state"])
def test_a_click_on_a_colouring_paints_as_the_legend_says(
    opened: Opened, report: Callable[..., Path], demo: Path, name: str
) -> None:
    from orbscan.drawing.palette import PAINTS

    file = report(demo / "composite")
    data = data_of(file.read_text("utf-8"))
    way = next(each for each in data["colourings"] if each["name"] == name)
    page = opened.show(file)
    page.locator(".toolbar").get_by_role("button", name=way["label"], exact=True).click()
    drawn = [each for each in rectangles(page) if each["isLeaf"]]
    assert len(drawn) > 20
    for each in drawn:
        _, paint, _, _ = way["legend"][at(way["of"], each["node"])]
        assert colour_of(each["colour"]) == colour_of(PAINTS[paint].fill)
    shown = page.locator(".legend b").all_inner_texts()
    assert shown == [label for label, _, size, _ in way["legend"] if size != "0 B"]
    assert opened.is_quiet()


def test_clicks_open_containers_and_select_arrays(
    opened: Opened, report: Callable[..., Path], demo: Path
) -> None:
    page = opened.show(report(demo / "composite"))
    page.locator(".treemap .box > .head").get_by_text("params", exact=True).click()
    crumbs = page.locator(".crumbs button")
    assert crumbs.first.inner_text() == "everything"
    assert "params" in crumbs.last.inner_text()
    page.locator(".treemap .cell").first.click()
    name = page.locator(".treemap .selected").get_attribute("aria-label")
    path = page.locator(".array h3").inner_text()
    assert name is not None
    assert name.startswith(path)
    assert page.locator(".treemap [aria-selected='true']").count() == 1
    crumbs.first.click()
    assert crumbs.count() == 1
    assert opened.is_quiet()


def test_keys_do_what_clicks_do(opened: Opened, report: Callable[..., Path], demo: Path) -> None:
    page = opened.show(report(demo / "composite"))
    focused = "() => document.activeElement.getAttribute('aria-label') ?? ''"
    page.locator(".treemap [tabindex='0']").focus()
    first = page.evaluate(focused)
    assert first.startswith("state,")
    page.keyboard.press("ArrowRight")
    inner = page.evaluate(focused)
    assert inner != first
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) not in {inner, first}
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == inner
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(focused) == first
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator(".crumbs button").count() > 1
    for _ in range(3):
        page.keyboard.press("Escape")
    assert page.locator(".crumbs button").count() == 1
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    selected = page.locator(".array h3").inner_text()
    assert page.evaluate(focused).startswith(selected)
    # A single stop of the tab key: the next one is behind the treemap.
    page.keyboard.press("Tab")
    assert not page.evaluate("() => Boolean(document.activeElement.closest('.treemap'))")
    assert opened.is_quiet()


def test_the_table_is_searched_sorted_folded_and_selects(
    opened: Opened, report: Callable[..., Path], demo: Path
) -> None:
    page = opened.show(report(demo / "composite"))
    rows = page.locator(".leaves tbody tr")
    box = page.get_by_role("searchbox")
    box.fill("mu/layers[3]/mlp")
    assert rows.count() == 2
    assert page.locator(".leaves output").inner_text() == "2 rows for 12 of 137 leaves"
    box.fill("no such leaf")
    assert rows.count() == 0
    box.fill("params/")
    page.get_by_role("button", name="In memory").last.click()
    assert page.locator("th[data-name='memory']").get_attribute("aria-sort") == "descending"
    assert rows.first.locator(".memory").inner_text() == "1.5 MiB"
    page.get_by_role("button", name="In memory").last.click()
    assert page.locator("th[data-name='memory']").get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="In memory").last.click()
    box.fill("")
    before = rows.count()
    page.locator(".leaves .fold[aria-expanded='true']").first.click()
    assert rows.count() < before
    box.fill("embedding")
    page.locator(".leaves .pick").first.click()
    assert page.locator(".array h3").inner_text().endswith("embedding")
    assert page.locator(".leaves tr.selected").count() == 1
    assert opened.is_quiet()


def test_devices_hold_the_slices_that_jax_gives_them(
    opened: Opened, report: Callable[..., Path], maxtext: Path
) -> None:
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    from tests.pages.conftest import AXES

    page = opened.show(report(maxtext))
    page.get_by_role("searchbox").fill("decoder/layers/wi_0")
    page.locator(".leaves .pick").first.click()
    titles = page.locator(".mesh title").all_text_contents()
    assert len(titles) == 8
    spec = PartitionSpec(("fsdp", "sequence"), "stage", ("tensor", "tensor_sequence"))
    mesh = jax.make_mesh(tuple(AXES.values()), tuple(AXES), devices=jax.devices("cpu")[:8])
    sharding = NamedSharding(mesh, spec)
    shape = (512, 16, 2048)
    slices = [sharding.devices_indices_map(shape)[device] for device in mesh.devices.flat]
    for number, (title, along) in enumerate(zip(titles, slices, strict=True)):
        shown = ", ".join(":" if s.start is None else f"{s.start}:{s.stop}" for s in along)
        assert title.startswith(f"device {number} (fsdp={number // 2}, tensor={number % 2}) holds")
        assert title.endswith(f"holds [{shown}]")
    assert page.locator(".array").inner_text().count("fsdp (4)") == 1
    facts = page.locator(".facts").inner_text()
    assert "fsdp=4, tensor=2" in facts
    assert "diloco" not in facts
    assert opened.is_quiet()


def test_lost_chunks_are_hatched(opened: Opened, report: Callable[..., Path], demo: Path) -> None:
    page = opened.show(report(demo / "damaged" / "cut"))
    hatched = page.locator(".treemap .hatched")
    assert hatched.count() == 1
    assert "bytes are lost" in (hatched.get_attribute("aria-label") or "")
    style = "element => getComputedStyle(element).backgroundImage"
    assert hatched.evaluate(style).startswith("repeating-linear-gradient")
    page.get_by_role("link", name="what was found").click()
    assert page.locator(".finding.error").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["composite", "damaged/cut"])
def test_it_can_be_read_by_everybody(
    browser: Browser, report: Callable[..., Path], demo: Path, name: str, scheme: str
) -> None:
    with opened(browser, color_scheme=scheme) as seen:
        page = seen.show(report(demo / name))
        assert seen.violations() == []
        for way in ("Sharding", "Copies", "Compression", "State"):
            page.locator(".toolbar").get_by_role("button", name=way).click()
            assert seen.violations() == []
        assert seen.is_quiet()


def test_nothing_is_wider_than_the_window(
    browser: Browser, report: Callable[..., Path], demo: Path, maxtext: Path, llama: Path
) -> None:
    pages = {"composite": demo / "composite", "maxtext": maxtext, "llama": llama}
    for name, path in pages.items():
        with opened(browser) as seen:
            page = seen.show(report(path))
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                assert not seen.overflows(), (name, width)
                if width in {360, 1440}:
                    seen.keep(f"{name}-{width}")
            page.emulate_media(color_scheme="dark")
            seen.keep(f"{name}-dark")
            assert seen.is_quiet()


def test_it_is_printed(opened: Opened, report: Callable[..., Path], demo: Path) -> None:
    page = opened.show(report(demo / "composite"))
    page.emulate_media(media="print")
    assert not page.locator(".toolbar").is_visible()
    assert page.locator(".treemap").is_visible()
    table = page.locator(".leaves > .scroll")
    assert table.evaluate("element => element.scrollHeight <= element.clientHeight + 1")
    opened.keep("composite-print")


def test_hostile_names_are_shown_and_not_obeyed(
    opened: Opened, report: Callable[..., Path], tmp_path: Path
) -> None:
    names = [
        "<img src=x onerror=alert(1)>",
        "<script>alert(2)<script>",
        "\"onclick=alert(3) x='",
        "\u202egnp.exe",
        "esc\x1b[31m",
        "&lt;b&gt;",
    ]
    tree = {name: handmade.Array((4, n + 1)) for n, name in enumerate(names)}
    path = handmade.write(tmp_path / "<b onclick=alert(4)>&", {"state": tree})
    page = opened.show(report(path))
    page.on("dialog", lambda dialog: opened.said.append(dialog.message))
    shown = page.locator(".leaves").inner_text()
    for name in ("<img src=x onerror=alert(1)>", "<script>alert(2)<script>", "&lt;b&gt;"):
        assert name in shown
    assert "\\u202egnp.exe" in shown
    assert "\u202e" not in page.content()
    for cell in page.locator(".treemap .cell").all():
        cell.click()
    assert page.locator("img, [onclick], [onerror]").count() == 0
    assert page.locator("h1").inner_text() == "<b onclick=alert(4)>&"
    assert opened.is_quiet()


CASES = sorted(file.name.removesuffix(".tar.gz") for file in (GOLDEN / "corpus").glob("o0.12.8*"))


def test_pages_of_all_kinds_of_checkpoints_are_quiet(
    opened: Opened, report: Callable[..., Path], tmp_path: Path
) -> None:
    """The newest release has written one of each kind; of what is damaged some are refused."""
    import orbscan

    tried = 0
    for case in CASES:
        folder = golden(case, tmp_path)
        for entry in orbscan.scan(folder, ordered=True):
            if entry.error is None and entry.committed and entry.kind != "unknown":
                page = opened.show(report(entry.path))
                assert page.locator(".leaves tbody tr").count() > 0, entry.path
                assert opened.is_quiet()
                tried += 1
    assert tried > 20
