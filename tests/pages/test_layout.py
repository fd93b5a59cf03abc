"""The treemap of a page and that of a picture are the same rectangles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orbscan.drawing.treemap import treemap
from tests.reporting.conftest import data_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.pages.browser import Opened

LAID = """([width, height]) => {
  const tree = orbscan.treeOf("tree-0");
  const found = [];
  orbscan.layout(tree.root, (node) => node.memory, width, height).eachBefore((at) => {
    if (at.isShown) {
      const { node, gathered } = at.data;
      found.push([node.number, gathered.length, at.x0, at.y0, at.x1, at.y1]);
    }
  });
  return found;
}"""


def amounts_of(rows: list[dict[str, Any]]) -> list[int]:
    """The bytes of each node of a page, sums of containers included."""
    found = [row["count"] * row["kind"]["nbytes"] if row["kind"] else 0 for row in rows]
    for at in range(len(rows) - 1, 0, -1):
        found[rows[at]["parent"]] += found[at]
    return found


@pytest.mark.parametrize("size", [(1120, 620), (360, 420), (90, 60)])
@pytest.mark.parametrize("name", ["demo", "llama"])
def test_pictures_have_the_rectangles_of_pages(
    opened: Opened,
    report: Callable[..., Path],
    request: pytest.FixtureRequest,
    name: str,
    size: tuple[int, int],
) -> None:
    path = request.getfixturevalue(name)
    file = report(path / "composite" if name == "demo" else path)
    page = opened.show(file)
    laid = page.evaluate(LAID, [*size])
    rows = rows_of(data_of(file.read_text("utf-8")))
    cells = treemap([row["parent"] for row in rows], amounts_of(rows), *size, most=3_000)
    assert len(cells) == len(laid)
    for cell, (node, gathered, *box) in zip(cells, laid, strict=True):
        assert (cell.nodes[-1], len(cell.gathered)) == (node, gathered)
        # A half may be rounded up here and down there.
        assert [cell.left, cell.top, cell.right, cell.bottom] == pytest.approx(box, abs=1)
