"""`orbscan report`."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import pytest

from orbscan.cli import main
from orbscan.cli.demo import unpack


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    unpack(str(tmp_path / "demo"))
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "demo"


def test_it_writes_a_page_and_says_where(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "composite", "-o", "page.html"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("wrote page.html, ")
    assert (demo / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_without_a_name_it_is_report_html(demo: Path) -> None:
    assert main(["report", "runs/base", "--step", "latest", "--flat", "--level", "none"]) == 3
    assert main(["report", "runs/base", "--step", "latest", "--level", "none"]) == 0
    assert "not checked" in (demo / "report.html").read_text("utf-8")


def test_a_page_of_runs_says_that_one_is_broken(demo: Path) -> None:
    assert main(["report", "runs", "composite"]) == 5
    page = (demo / "report.html").read_text("utf-8")
    assert "<title>2 roots · orbscan</title>" in page


def test_a_level_is_for_one_checkpoint_and_for_many(demo: Path) -> None:
    for words, verdict in (
        (["damaged/cut"], "Damaged."),
        (["damaged/cut", "--level", "none"], "not checked"),
        (["runs"], "The steps were not checked"),
        (["runs", "--level", "none"], "The steps were not checked"),
        (["runs", "--level", "index"], "checked at level index"),
        (["runs", "composite", "--level", "structure"], "checked at level structure"),
    ):
        assert main(["report", *words]) in {0, 5}
        assert verdict in (demo / "report.html").read_text("utf-8"), words


def test_it_opens_a_browser_if_asked(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert main(["report", "composite", "--open"]) == 0
    assert opened == [(demo / "report.html").as_uri()]


def test_it_draws_pictures_of_one_view(demo: Path) -> None:
    for name, view in (("tree.svg", None), ("mesh.svg", "mesh"), ("steps.svg", "steps")):
        path = "runs" if view == "steps" else "composite"
        words = ["report", path, "-o", name, *(() if view is None else ("--view", view))]
        assert main(words) in {0, 5}
        assert (demo / name).read_text("utf-8").startswith("<svg")


def test_tables_are_pages(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("leaves.parquet", "fleet.delta"):
        main(["scan", "runs", "-o", name])
        assert main(["report", name, "-o", "fleet.html"]) == 5
        assert main(["report", name, "--level", "none", "-o", "fleet.html"]) == 5
    assert main(["scan", "runs", "-o", "checkpoints.parquet", "--table", "checkpoints"]) == 5
    assert main(["report", "leaves.parquet", "checkpoints.parquet"]) == 5
    assert "Made of tables" in (demo / "report.html").read_text("utf-8")
    capsys.readouterr()
    for words in (["leaves.parquet", "runs"], ["leaves.parquet", "--step", "3"]):
        with pytest.raises(SystemExit):
            main(["report", *words])
        assert "made of tables alone" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["report", "leaves.parquet", "--level", "index"])
    assert "--level is for checkpoints" in capsys.readouterr().err


def test_diff_writes_a_page_beside_its_answer(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["diff", "models/before", "models/after", "--report", "both.html"]
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out.startswith("a          models/before")
    assert said.err.startswith("wrote both.html, ")
    assert "<title>before and after" in (demo / "both.html").read_text("utf-8")
    assert main([*words, "-o", "json"]) == 1
    with pytest.raises(SystemExit):
        main([*words[:-1], "both.pdf"])
    assert "--report takes a file that ends in .html" in capsys.readouterr().err


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (
            ["composite", "-o", "page.pdf"],
            2,
            "neither a format (html, svg) nor a file that ends in .html, .svg or .png",
        ),
        (["composite", "--view", "mesh"], 2, "--view is for a picture"),
        (["composite", "-o", "x.svg", "--view", "steps"], 2, "one checkpoint has no steps"),
        (["composite", "--mesh", "data=x"], 2, "mesh"),
        (["composite", "-o", "gone/page.html"], 4, "gone/page.html: No such file or directory"),
        (["gone"], 3, "gone: does not exist"),
        (["empty"], 3, "empty: is not a checkpoint"),
        (["empty", "empty"], 3, "no checkpoint at or below empty, empty"),
        (["runs", "composite", "--step", "latest"], 2, "are for one checkpoint"),
        (["composite/state"], 3, "--name state"),
        (["runs/wide/1100"], 3, "_METADATA, byte 100"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    try:
        ended = main(["report", *words])
    except SystemExit as error:
        ended = int(error.code or 0)
    assert ended == status
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("demo")
def test_without_jinja2_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from orbscan.reporting import pages

    pages._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for words in (
        ["report", "composite"],
        ["diff", "composite", "composite", "--report", "x.html"],
    ):
        assert main(words) == 2
        assert capsys.readouterr().err.endswith("pip install 'orbscan[report]'\n")
