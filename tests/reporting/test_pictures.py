"""Pictures: one view of a page, as SVG and as PNG."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, fromstring

import pytest

import orbscan
from orbscan.reading.facts import distinct
from orbscan.reporting.grid import coordinates, parts_of, slice_text
from orbscan.reporting.kinds import Kind, Mesh, Meshes
from orbscan.reporting.outline import Tree, outline
from tests.support import handmade
from tests.support.tables import array, named, table

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> Element:
    return fromstring(svg)  # noqa: S314 - our own


def texts(svg: str) -> list[str]:
    return ["".join(each.itertext()) for each in drawn(svg).iter(f"{SVG}text")]


def rectangles(svg: str) -> list[tuple[str, float]]:
    """Title and area of each rectangle that has a title."""
    found = []
    for each in drawn(svg).iter(f"{SVG}rect"):
        title = each.find(f"{SVG}title")
        if title is not None:
            area = float(each.attrib["width"]) * float(each.attrib["height"])
            found.append(("".join(title.itertext()), area))
    return found


def test_the_treemap_has_the_leaves_and_their_legend(demo: Path) -> None:
    svg = orbscan.report(demo / "composite").svg()
    shown = texts(svg)
    assert "composite" in shown[0]
    assert "137" in shown[1]
    assert any(text.startswith("P('data', 'model')") for text in shown)
    assert any(title.startswith("embedding") for title, _ in rectangles(svg))


def test_areas_are_bytes(tmp_path: Path) -> None:
    tree = {"a": handmade.Array((300, 100)), "b": handmade.Array((100, 100))}
    svg = orbscan.report(handmade.write(tmp_path / "1", {"state": tree})).svg()
    areas = {title.partition(",")[0]: area for title, area in rectangles(svg)}
    assert areas["a"] == pytest.approx(3 * areas["b"], rel=0.02)


def test_lost_chunks_are_hatched(demo: Path) -> None:
    svg = orbscan.report(demo / "damaged" / "cut").svg()
    assert svg.count("url(#hatches)") >= 1
    assert "bytes are lost" in svg


def test_devices_hold_slices(demo: Path) -> None:
    svg = orbscan.report(demo / "composite").svg("mesh")
    shown = texts(svg)
    assert "8 devices, 8 different slices" in shown[2]
    held = [title for title, _ in rectangles(svg)]
    assert len(held) == 8
    assert held[0].startswith("device 0 holds [0:")


def test_slices_are_those_of_the_spec() -> None:
    columns = table(
        {"w": array((8, 6), sharding=named((2, 3, 2), ("x", "y", "z"), (("z", "x"), "y")))}
    )
    [_, node] = outline([Tree(None, columns, distinct(columns))])
    assert node.leaf is not None
    kind = Kind(node.leaf, Meshes())
    mesh = kind.mesh
    assert mesh is not None
    assert coordinates(7, mesh) == (1, 0, 1)
    assert slice_text(parts_of(coordinates(7, mesh), kind, mesh), kind) == "[6:8, 0:2]"
    assert slice_text(parts_of(coordinates(2, mesh), kind, mesh), kind) == "[0:2, 2:4]"


def test_steps_have_a_dot_for_what_is_known(demo: Path) -> None:
    svg = orbscan.report(demo / "runs" / "base").svg()
    dots = [*drawn(svg).iter(f"{SVG}circle")]
    assert len(dots) == 6 + 7 + 6 + 6 + 6
    assert "In memory" in texts(svg)


def test_two_checkpoints_are_two_treemaps(demo: Path) -> None:
    found = orbscan.diff(demo / "models" / "before", demo / "models" / "after")
    shown = texts(orbscan.report(found).svg())
    assert any(text.startswith("A · ") for text in shown)
    assert "perhaps renamed" in shown
    assert "added" in shown


def test_views_that_are_not_there_are_refused(demo: Path, tmp_path: Path) -> None:
    one = orbscan.report(demo / "composite")
    with pytest.raises(ValueError, match="no steps over time"):
        one.svg("steps")
    with pytest.raises(ValueError, match="has all views"):
        one.save(tmp_path / "x.html", "mesh")
    plain = handmade.write(tmp_path / "plain", {"state": {"w": handmade.Array((2,))}})
    with pytest.raises(ValueError, match="no mesh to draw"):
        orbscan.report(plain).svg("mesh")
    with pytest.raises(ValueError, match="no steps to draw"):
        orbscan.report([plain]).svg("steps")
    with pytest.raises(ValueError, match="one view"):
        orbscan.report(orbscan.diff(plain, plain)).svg("mesh")


def test_names_are_text_in_a_picture(tmp_path: Path) -> None:
    name = '<script>alert(1)<script>\u202e\x07&"'
    path = handmade.write(
        tmp_path / "<b>", {"state": {name: handmade.Array((2,)), "x": handmade.Array((3,))}}
    )
    svg = orbscan.report(path).svg()
    tags = {each.tag.removeprefix(SVG) for each in drawn(svg).iter()}
    assert tags <= {"svg", "title", "rect", "text", "g", "polyline", "circle", "defs", "pattern"}
    assert not re.search("[\u202e\x07]", svg)
    assert not re.search(r"(href|onload|url\((?!#))", svg)


def test_large_trees_are_pictures_of_bounded_size(tmp_path: Path) -> None:
    words = ["".join(chr(97 + int(digit)) for digit in f"{n:04}") for n in range(9_000)]
    tree = {word: handmade.Array((n % 97 + 1, 3)) for n, word in enumerate(words)}
    svg = orbscan.report(handmade.write(tmp_path / "many", {"state": tree})).svg()
    assert len(svg) < 400_000
    assert any(re.match(r"… [\d,]+ leaves", text) for text in texts(svg))


def test_a_png_is_drawn(demo: Path, tmp_path: Path) -> None:
    page = orbscan.report(demo / "composite")
    page.save(tmp_path / "page.png", "mesh")
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_without_the_library_it_says_what_to_install(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ImportError, match=r"orbscan\[report\]"):
        orbscan.report(demo / "composite").png()


def test_a_mesh_of_one_axis_is_a_row() -> None:
    from orbscan.reporting.grid import rows_and_columns

    mesh: Any = Mesh((("x", 4), ("one", 1)), None)
    assert rows_and_columns(mesh) == ([], [(0, "x", 4)])
