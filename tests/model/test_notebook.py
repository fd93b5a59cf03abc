"""How metadata are shown in notebooks, and by rich and treescope."""

from __future__ import annotations

import io
import os
import sys
import textwrap
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orbscan import errors
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, UnreadableLeaf
from orbscan.model.result import CheckpointMetadata, Issue
from orbscan.model.sharding import (
    NamedShardingMetadata,
    PositionalShardingMetadata,
    SingleDeviceShardingMetadata,
)
from orbscan.showing import pages
from tests.support.processes import HANGS, elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable

FLOAT32 = np.dtype("float32")
EVIL = "<script>alert('x')</script>&\"\x1b[2J"


def array(*shape: int, sharding: Any = None, **fields: Any) -> ArrayMetadata:
    return ArrayMetadata(shape, FLOAT32, sharding, **fields)


def metadata(tree: Any, **fields: Any) -> CheckpointMetadata[Any]:
    return CheckpointMetadata(Path("run/1000"), metadata=tree, **fields)


class Page(HTMLParser):
    """What a browser makes of a page: its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.drawn = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "svg" in self.open:
            self.drawn += f"{data}\n"
        else:
            self.text += data


PLACES = {"xmlns", "viewbox", "width", "height", "role", "font-family", "x", "y", "fill", "stroke"}
PLACES |= {"font-size", "font-weight", "text-anchor"}
"""What elements of a picture may have: no handler, and nothing that is fetched."""


def page(tree: Any, **fields: Any) -> Page:
    html = metadata(tree, **fields)._repr_html_()
    assert len(html.encode()) <= pages.LIMIT
    read = Page(html)
    assert read.open == []
    tags = {"div", "table", "tr", "th", "td", "details", "summary", "b", "p", "code"}
    assert read.tags <= tags | {"svg", "title", "rect", "text"}
    assert read.attributes <= {"style", "open"} | PLACES
    return read


def test_the_page_shows_everything() -> None:
    named = NamedShardingMetadata((4, 2), ("x", "y"), ("x", None))
    weights = array(8, 4, sharding=named)
    tree = {
        "layers": [{"w": weights}, {"w": weights}],
        "key": ArrayMetadata((3, 2), np.dtype("uint32"), prng_impl="threefry2x32"),
        "one": array(2, sharding=SingleDeviceShardingMetadata("TPU_0")),
        "old": array(2, sharding=PositionalShardingMetadata((2, 1))),
        "host": NumpyMetadata((3,), np.dtype("int16")),
        "others": (0, "string", None, {}, []),
        "bad": UnreadableLeaf(errors.error("malformed", "no dtype", "a/.zarray", 7)),
    }
    shown = page(
        tree,
        init_timestamp_nsecs=1_700_000_000_000_000_000,
        commit_timestamp_nsecs=1_700_000_001_500_000_000,
        custom_metadata={"git": "2f1c0de"},
        issues=(Issue("malformed", "state/_sharding", 12, False, "expected an object"),),  # noqa: FBT003
    )
    assert shown.text.split("\n")[2:-2] == [
        "pathrun/1000",
        "begun2023-11-14 22:13:20.000000 UTC",
        "committed2023-11-14 22:13:21.500000 UTC",
        "custom{'git': '2f1c0de'}",
        "total12 leaves, 71 parameters, 302 B",
        "issuestate/_sharding, byte 12: expected an object",
        "",
        "",
        ". 12 leaves, 302 B",
        "layers 2 leaves, 256 B",
        "[0,1] x2 1 leaf, 128 B",
        "w float32[8,4]  128 B  P('x', None) on 4x2 (x, y)",
        "",
        "",
        "key key<threefry2x32>[3]  24 B",
        "one float32[2]  8 B  TPU_0",
        "old float32[2]  8 B  positional 2x1",
        "host int16[3]  6 B  numpy",
        "others 5 leaves, 0 B",
        "[0] int",
        "[1] string",
        "[2] None",
        "[3] {}",
        "[4] []",
        "",
        "bad unreadable: a/.zarray, byte 7: no dtype",
        "",
    ]


def test_the_treemap_has_the_largest_leaves() -> None:
    layers = [{"kernel": array(64, 64), "bias": NumpyMetadata((64,), np.dtype("int8"))}] * 12
    shown = page({"params": {"embedding": array(512, 64), "layers": layers}, "step": 0})
    lines = shown.drawn.split("\n")
    assert "embedding" in lines
    assert any(line.startswith("layers[0..11] x12") for line in lines)
    assert "params, 25 leaves, 320.8 KiB" in lines
    assert "float32" in lines
    assert 0 < len(metadata({"params": {"a": array(2), "b": array(3)}})._repr_html_()) < 4_000


def test_a_treemap_has_a_bounded_number_of_cells() -> None:
    from orbscan.model.drawn import MOST_CELLS

    tree = {
        f"{a}{b}": array(200 + n)
        for n, (a, b) in enumerate(product("abcdefghijklmnopqrstuvwxyz", repeat=2))
    }
    html = metadata({"state": tree, "other": array(3)})._repr_html_()
    assert 10 < html.count("<rect") <= MOST_CELLS + 5
    assert "… " in page(tree).drawn
    assert len(html[: html.index("<details")]) < 25_000


@pytest.mark.parametrize("tree", [{}, {"a": None}, {"a": array(2)}, {"a": array(0), "b": array(2)}])
def test_what_has_no_parts_to_be_compared_is_not_drawn(tree: Any) -> None:
    assert page(tree).drawn == ""


def test_names_from_the_checkpoint_are_escaped() -> None:
    named = NamedShardingMetadata((1,), (EVIL,), (EVIL,))
    tree = {
        EVIL: array(2, sharding=named, prng_impl=EVIL),
        f"{EVIL}1": [array(2, sharding=SingleDeviceShardingMetadata(EVIL))],
        f"{EVIL}2": UnreadableLeaf(errors.error("malformed", EVIL, EVIL)),
    }
    issue = Issue("limit", EVIL, None, False, EVIL)  # noqa: FBT003
    # `page` knows all tags that may occur, and script is none of them.
    shown = page(tree, custom_metadata={EVIL: EVIL}, issues=(issue,))
    assert shown.text.count("<script>") >= 8
    assert all(line.isprintable() for line in shown.text.split("\n"))


def test_a_large_tree_of_like_leaves_is_shown_whole() -> None:
    leaf = array(8)
    shown = page({"params": {f"layer_{number:05}": {"w": leaf} for number in range(10_000)}})
    assert "layer_{00000..09999} x10,000" in shown.text
    assert "left out" not in shown.text


def test_a_large_tree_of_unlike_leaves_is_cut_at_the_limit() -> None:
    tree = {f"{name}{number}": array(number) for name in "ab" for number in range(5_000)}
    html = metadata(tree)._repr_html_()
    assert pages.LIMIT * 0.95 < len(html.encode()) <= pages.LIMIT
    shown = page(tree)
    (note,) = [line for line in shown.text.split("\n") if "left out" in line]
    left_out = int(note.partition(" ")[0].replace(",", ""))
    assert shown.text.count("float32[") + left_out == 10_000
    assert note.endswith("leaves are left out; orbscan show on the command line shows all.")


@pytest.mark.parametrize(
    "tree",
    [
        {"\U0001f600" * 60_000: array(2)},
        {f"k{at}": {"\U0001f600" * 1000: array(at)} for at in range(1000)},
        [{"a": array(at), "b" * 500: {"c" * 500: array(at + 1)}} for at in range(1000)],
    ],
)
def test_long_names_do_not_break_the_limit(tree: Any) -> None:
    page(tree, custom_metadata={"\U0001f600" * 10_000: 1})


def test_many_issues_are_counted() -> None:
    issues = tuple(Issue("limit", "f", at, False, "why" * 1000) for at in range(1000))  # noqa: FBT003
    assert "990 more issues" in page({}, issues=issues).text


def nested(depth: int) -> Any:
    tree: Any = array(2)
    for _ in range(depth):
        tree = [tree]
    return tree


def test_a_tree_deeper_than_the_stack_is_cut() -> None:
    assert "1 leaf is left out" in page(nested(5_000)).text


@pytest.mark.parametrize("tree", [{}, [], array(2), None, "string"])
def test_a_tree_may_be_a_leaf(tree: Any) -> None:
    assert "1 leaf" in page(tree).text


def by_rich(shown: CheckpointMetadata[Any]) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=200)
    console.print(shown)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def by_treescope(shown: CheckpointMetadata[Any]) -> str:
    import treescope

    text: str = treescope.render_to_text(shown)
    return text


FORMS = pytest.mark.parametrize("form", [by_rich, by_treescope])


def test_treescope_shows_small_trees_whole() -> None:
    text = by_treescope(metadata({"a": [array(2), array(3)]}))
    assert "path='run/1000'" in text
    assert "ArrayMetadata" in text
    assert "shape=(3,)" in text


def test_rich_shows_a_line_for_each_leaf_and_no_placeholder_as_a_value() -> None:
    tree = {"a": [array(2)] * 3 + [array(3)], "step": 0, "rate": 0.0, "name": "string"}
    shown = "".join(by_rich(metadata(tree)).split("first_leaves=")[1:])
    assert shown.startswith(
        "{'a[0..2]': 'float32[2]  8 B  x3', 'a[3]': 'float32[3]  12 B', "
        "'step': 'int', 'rate': 'float', 'name': 'string'}"
    )


@FORMS
@pytest.mark.parametrize("tree", [[array(at) for at in range(10_000)], nested(5_000)])
def test_large_and_deep_trees_are_cut(form: Callable[[Any], str], tree: Any) -> None:
    text = form(metadata(tree))
    assert "leaves=" in text
    assert "first_leaves=" in text
    assert len(text) < 100_000
    if len(tree) > 1:
        assert "leaves=10000" in text
        assert "9,980 more leaves" in text


def test_showing_text_and_html_needs_neither_rich_nor_treescope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setitem(sys.modules, "treescope", None)
    assert repr(metadata({}))
    assert metadata({})._repr_html_()


_CELL = """
    import numpy as np
    from pathlib import Path
    from orbscan import ArrayMetadata, CheckpointMetadata
    tree = {"<script>": ArrayMetadata((2,), np.dtype("float32"))}
    CheckpointMetadata(Path("run/1000"), metadata=tree)
"""


def executed(folder: Path) -> dict[str, str]:
    """The output of the cell by media type; everything that Jupyter writes lies in a folder."""
    import nbclient
    import nbformat.v4
    from traitlets.config import Config

    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(folder)
    cell = nbformat.v4.new_code_cell(textwrap.dedent(_CELL))
    written = nbformat.v4.new_notebook(cells=[cell])
    # By files and not by ports, which others may take.
    config = Config({"KernelManager": {"transport": "ipc"}})
    client = nbclient.NotebookClient(written, config=config, startup_timeout=HANGS)
    (result,) = client.execute().cells[0].outputs
    return dict(result.data)


# In another process: it has a loop, and starts a third one.
def test_a_notebook_shows_the_page(tmp_path: Path) -> None:
    data = elsewhere(executed, tmp_path)
    assert "<b>&lt;script&gt;</b> float32[2]" in data["text/html"]
    assert data["text/plain"].startswith("CheckpointMetadata(\n")


def test_reports_are_shown_as_static_pages(tmp_path: Path) -> None:
    import orbscan
    from tests.reading.steps.support import write_step
    from tests.support import handmade

    place = handmade.write(tmp_path / "c", {"state": {"w": handmade.Array((4,))}})
    (place / "state" / "_METADATA").write_text(EVIL)
    root = tmp_path / "<b>"
    write_step(root, "1", {EVIL: EVIL})
    left, right = {"w": array(4)}, {f"w{EVIL}": array(5)}
    for report in (
        orbscan.verify(place),
        orbscan.diff(left, right),
        orbscan.restore_plan(left, "x=2"),
        orbscan.du(place, allow_uncommitted=True),
        orbscan.du([tmp_path]),
        orbscan.steps(root),
        orbscan.scan(tmp_path),
        *orbscan.scan(tmp_path),
    ):
        page = Page(report._repr_html_())
        assert not page.open
        assert page.tags == {"details", "summary", "pre"}
        assert page.attributes <= {"style", "open"}
        assert len(page.text) > 20


def test_a_long_report_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LIMIT", 2_000)
    page = pages.report_html("\n".join(["head", *["<" * 50] * 100]))
    assert len(page) < 2_000
    assert "more lines" in page
