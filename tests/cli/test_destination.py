"""`-o`: a format, to stdout, or a file whose ending says which; the same for every command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import COMMANDS, composed, main
from orbscan.cli.demo import unpack
from orbscan.cli.destination import What
from orbscan.reading import pytree_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

LINES = {
    "show": "show composite",
    "ls": "ls models",
    "steps": "steps runs/base",
    "diff": "diff models/before models/after",
    "verify": "verify damaged/none damaged/cut",
    "du": "du composite",
    "plan": "plan composite --mesh data=2,model=4",
    "dump": "dump composite/state/manifest.ocdbt",
    "scan": "scan models --ordered",
    "report": "report composite --level none",
    "catalogue": "catalogue fleet.delta",
}
WITHOUT = {"latest", "best", "demo", "help"}
"""They print a path, or text alone."""

ENDINGS = {"text": ".txt"}


def what_of(command: str) -> What:
    """What the option of a command takes."""
    _, parsers = composed([command])
    [action] = [one for one in parsers[command]._actions if one.dest == "output"]
    assert isinstance(action.type, What)
    return action.type


FORMATS = [(command, format_) for command in LINES for format_ in what_of(command).formats]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo"
    unpack(str(path))
    assert main(["scan", str(path / "models"), "-o", str(path / "fleet.delta")]) == 0
    return path


@pytest.fixture
def here(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory to write to; commands run in that of the checkpoints."""
    monkeypatch.chdir(demo)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(line: str, *words: object) -> tuple[int, str, str]:
        try:
            status = main([*line.split(), *map(str, words)])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return (status, *capsys.readouterr())

    return run


def steady(text: str) -> str:
    """Without how long ago a checkpoint was saved, and how long something took."""
    return re.sub(r"[\d.]+ (s|ms|min|h|d)\b", "", text)


def test_every_command_has_it_or_prints_text_alone() -> None:
    assert {*LINES} | WITHOUT == {*COMMANDS}
    for command in WITHOUT:
        _, parsers = composed([command])
        assert not any(action.dest == "output" for action in parsers[command]._actions)


@pytest.mark.parametrize(("command", "format_"), FORMATS)
def test_a_file_has_what_its_format_writes_to_stdout(
    command: str, format_: str, here: Path, run: Run
) -> None:
    file = here / f"x{ENDINGS.get(format_, f'.{format_}')}"
    status, out, _ = run(LINES[command], "-o", format_)
    assert out
    assert not file.exists()
    ended, nothing, said = run(LINES[command], "-o", file)
    assert (ended, nothing) == (status, "")
    assert steady(file.read_text("utf-8")) == steady(out)
    assert said.splitlines()[-1].startswith("wrote ")
    assert str(file) in said.splitlines()[-1]
    assert [path.name for path in here.iterdir()] == [file.name]


@pytest.mark.parametrize("command", LINES)
@pytest.mark.parametrize("wanted", ["x.table", "yaml", "a/b", "x.json/", "", ".json"])
def test_what_is_neither_is_wrong_use_that_names_both(
    command: str, wanted: str, here: Path, run: Run
) -> None:
    what = what_of(command)
    status, out, said = run(LINES[command], "-o", wanted)
    assert (status, out) == (2, "")
    assert f"usage: orbscan {command}" in said
    assert f"{wanted!r} is neither a format ({', '.join(what.formats)}) nor a file" in said
    assert all(ending in said for ending in what.endings)
    assert not [*here.iterdir()]


def test_what_is_for_files_alone_says_so(here: Path, run: Run) -> None:
    status, _, said = run(LINES["scan"], "-o", "parquet")
    assert (status, "pass a name that ends in .parquet" in said) == (2, True)
    status, _, said = run(LINES["scan"], "-o", "s3://bucket/x.parquet")
    assert (status, "a .parquet file is written to a disk" in said) == (2, True)
    catalogue = what_of("scan")("s3://bucket/x.delta/")
    assert (catalogue.format, catalogue.path) == ("delta", "s3://bucket/x.delta/")
    assert not [*here.iterdir()]


@pytest.mark.parametrize("command", LINES)
def test_a_failure_leaves_what_was_there(command: str, here: Path, run: Run) -> None:
    what = what_of(command)
    file = here / f"x{next(iter(what.endings))}"
    file.write_text("old")
    words = ["gone", "gone"] if command == "diff" else ["gone"]
    status, out, said = run(command, *words, "-o", file)
    assert (status, out) == (3, "")
    assert "wrote" not in said
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [(file.name, "old")]


@pytest.mark.parametrize("command", LINES)
def test_a_place_that_is_not_there_is_told(command: str, here: Path, run: Run) -> None:
    file = here / "gone" / f"x{next(iter(what_of(command).endings))}"
    status, out, said = run(LINES[command], "-o", file)
    assert (status, out) == (4, "")
    assert f"{file}: No such file or directory" in said


def test_what_breaks_off_is_no_file(here: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_: object, **__: object) -> Iterator[str]:
        yield '{"leaves": ['
        raise MemoryError

    monkeypatch.setattr(pytree_document, "render", broken_off)
    status, _, said = run(LINES["show"], "-o", here / "x.json")
    assert (status, said) == (4, "orbscan: error: not enough memory\n")
    assert not [*here.iterdir()]


def test_quiet_is_quiet(here: Path, run: Run) -> None:
    assert run("verify -q composite", "-o", here / "x.txt") == (0, "", "")
    assert (here / "x.txt").read_text() == ""


def test_a_page_on_stdout_cannot_be_opened(here: Path, run: Run) -> None:
    status, _, said = run(LINES["report"], "-o", "html", "--open")
    assert (status, "--open needs a file" in said) == (2, True)
    assert here.is_dir()
