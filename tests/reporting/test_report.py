"""Pages of checkpoints: what stands in them, and what they may do."""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.drawing.palette import PAINTS
from orbscan.reporting import pages
from orbscan.showing.keypaths import keypath
from orbscan.showing.text import size
from tests.reporting.conftest import data_of, facts_of, rows_of
from tests.support import handmade
from tests.support.processes import output

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"'`{{ 7*7 }}{% raw %}",
    "<!--<script>",
    "\u202egnp.exe",
    "nul\x00bell\x07esc\x1b[31m",
    "\u2028\u2029",
    "&lt;b&gt;&amp;",
)


def test_a_page_tells_what_orbscan_tells(demo: Path) -> None:
    path = demo / "composite"
    page = orbscan.report(path).html
    read = orbscan.checkpointables_metadata(path)
    usage = orbscan.du(path)
    facts = facts_of(page)
    assert facts["leaves"] == f"{len([*read.leaves()]) - 1:,}"  # the configuration is no leaf
    assert facts["parameters"] == f"{read.parameters:,}"
    assert facts["in memory"] == size(read.nbytes)
    assert facts["stored"] == size(usage.stored)
    assert facts["mesh"] == "data=4, model=2"
    assert facts["state"] == "ok"


def test_each_leaf_has_what_it_takes(demo: Path) -> None:
    path = demo / "composite"
    data = data_of(orbscan.report(path).html)
    read = orbscan.checkpointables_metadata(path)
    stored = {leaf.path: leaf.stored for leaf in orbscan.du(path).leaves}
    known = {keypath(at): leaf for at, leaf in read.leaves()}
    found = rows_of(data)
    for row in found:
        if row["count"] == 1 and row["kind"] is not None and row["path"] in known:
            assert row["kind"]["nbytes"] == getattr(known[row["path"]], "nbytes", 0)
            assert row["stored"] == stored[row["path"]]
    leaves = [row for row in found if row["kind"] is not None]
    assert sum(row["count"] for row in leaves) == data["leaves"] == 137
    assert sum(row["count"] * row["kind"]["nbytes"] for row in leaves) == read.nbytes
    assert sum(row["stored"] for row in leaves) == sum(stored.values())


def test_each_leaf_has_a_place_by_its_keypath(demo: Path) -> None:
    data = data_of(orbscan.report(demo / "models" / "before", "params").html)
    assert "params/embedding" in [row["path"] for row in rows_of(data)]


def test_colours_are_shared_out_over_all_leaves(demo: Path) -> None:
    data = data_of(orbscan.report(demo / "composite").html)
    assert [way["name"] for way in data["colourings"]] == [
        "type",
        "sharding",
        "copies",
        "ratio",
        "state",
    ]
    for way in data["colourings"]:
        numbers = way["of"] if isinstance(way["of"], list) else [way["of"]]
        assert {*numbers} == {*range(len(way["legend"]))}
        assert {paint for _, paint, _, _ in way["legend"]} <= {*PAINTS}
    assert data["first"] == "sharding"


def test_lost_chunks_are_told(demo: Path) -> None:
    page = orbscan.report(demo / "damaged" / "cut").html
    assert facts_of(page)["state"] == "damaged"
    lost = [row["path"] for row in rows_of(data_of(page)) if row["state"] == 2 and row["kind"]]
    assert lost == ["state/params/layers[1]/kernel"]
    assert data_of(page)["first"] == "state"
    assert "chunk-lost" in page
    assert "1 of 8 chunks" in page
    assert "chunk-lost" not in orbscan.report(demo / "damaged" / "cut", level=None).html


def test_only_its_own_script_and_style_may_run(demo: Path) -> None:
    page = orbscan.report(demo / "composite").html
    found = re.search(r'Content-Security-Policy" content="(.*?)"', page)
    assert found is not None
    policy = unescape(found[1])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "*" not in policy
    for text in (
        *re.findall(r"<script>(.*?)</script>", page, re.DOTALL),
        *re.findall(r"<style>(.*?)</style>", page, re.DOTALL),
    ):
        assert f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" in policy
    assert len(re.findall("<script>", page)) == len(pages.SCRIPTS)


def test_it_names_no_other_place(demo: Path) -> None:
    page = orbscan.report(demo / "composite").html
    without_notices = re.sub(r"/\*!.*?\*/|//[^\n]*", "", page, flags=re.DOTALL)
    without_namespaces = without_notices.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|src=|@import|url\(", without_namespaces)


@pytest.mark.parametrize("name", pages.SCRIPTS)
def test_no_script_ends_where_html_would_end_it(name: str) -> None:
    text = pages.asset(name)
    assert "</script" not in text.lower()
    assert "<!--" not in text
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert forbidden not in text


def test_names_are_text_whatever_they_are(tmp_path: Path) -> None:
    names = [name for name in HOSTILE if "\x00" not in name]
    tree = {name: handmade.Array((2,)) if "/" not in name else "string" for name in names}
    path = handmade.write(tmp_path / "<b onclick='x'>&", {"state": {**tree, HOSTILE[5]: None}})
    page = orbscan.report(path).html
    scripts = re.findall(r"<script[ >]", page)
    assert len(scripts) == len(pages.SCRIPTS) + 1
    assert "<img" not in page
    assert "<b onclick" not in page
    assert "49" not in re.findall(r"<title>(.*?)</title>", page)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e\u2028\u2029]", page)
    assert len([row for row in rows_of(data_of(page)) if row["kind"]]) == 8


def test_a_mesh_that_is_given_is_planned(demo: Path) -> None:
    page = orbscan.report(demo / "composite", mesh="data=2,model=8", devices_per_host=4).html
    assert "A restore over data=2,model=8" in page
    assert "each of 16 devices" in page
    assert "each of 4 hosts" in page


def test_a_mesh_that_does_not_fit_is_told_in_the_page(demo: Path) -> None:
    page = orbscan.report(demo / "composite", mesh="data=3").html
    assert "does not fit the mesh data=3" in page


def test_a_mesh_that_is_none_is_refused(demo: Path) -> None:
    with pytest.raises(ValueError, match="mesh"):
        orbscan.report(demo / "composite", mesh="data=many")


def test_what_is_not_a_checkpoint_is_refused_as_everywhere(demo: Path) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError):
        orbscan.report(demo / "gone")
    with pytest.raises(orbscan.InvalidLayoutError, match="state"):
        orbscan.report(demo / "composite" / "state")


def test_a_tree_without_bytes_is_a_page(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "empty", {"state": {"a": None, "b": "string"}})
    page = orbscan.report(path)
    assert facts_of(page.html)["in memory"] == "0 B"
    assert not page.incomplete


def test_unreadable_leaves_are_told(tmp_path: Path) -> None:
    both: dict[str | None, Any] = {
        "good": {"w": handmade.Array((2,))},
        "state": {"a": handmade.Array((2,))},
    }
    path = handmade.write(tmp_path / "half", both)
    handmade.damage(path, "state")
    page = orbscan.report(path)
    assert page.incomplete == 1
    assert "state/_METADATA" in page.html


def test_pages_are_small(tmp_path: Path) -> None:
    """3,000 leaves of which no two are alike, and no two siblings differ in a number only."""
    words = ["".join(chr(97 + int(digit)) for digit in f"{n:04}") for n in range(3_000)]
    tree = {word: handmade.Array((n + 1, 3)) for n, word in enumerate(words)}
    path = handmade.write(tmp_path / "many", {"state": tree})
    assert orbscan.report(path).nbytes < 300_000


def test_importing_orbscan_loads_nothing_of_it() -> None:
    program = (
        "import sys, orbscan; orbscan.metadata; "
        "print([m for m in sys.modules if 'jinja2' in m or 'reporting' in m or 'drawing' in m])"
    )
    assert output([sys.executable, "-c", program]) == "[]\n"


def test_a_page_is_saved(demo: Path, tmp_path: Path) -> None:
    page = orbscan.report(demo / "composite")
    page.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page.html
    with pytest.raises(OSError, match="gone"):
        page.save(tmp_path / "gone" / "page.html")
