"""`orbscan scan ROOT... -o CATALOGUE.delta`."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the program: gives its exit code and what it wrote."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main([*arguments])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory `runs` with two steps, in which the command works."""
    case = next(case for case in corpus.golden_cases() if case.id == "o0.12.8-manager")
    corpus.unpack(case.archive, tmp_path)
    (tmp_path / case.id / "run").rename(tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_it_is_made_and_brought_up_to_date(command: Command, runs: Path) -> None:
    assert command("scan", "runs", "-o", "fleet.delta") == (
        0,
        "",
        "fleet.delta: version 0: 2 checkpoints new or changed, 0 gone, 0 unchanged\n",
    )
    again = command("scan", "runs", "-o", "fleet.delta/")
    assert again[2] == "fleet.delta/: version 0 is up to date: 2 checkpoints unchanged\n"
    shutil.copytree(runs / "10", runs / "20")
    shutil.rmtree(runs / "0")
    grown = command("scan", "runs", "-o", "fleet.delta", "--shard", "0/1", "--threads", "2")
    assert grown[2] == "fleet.delta: version 1: 1 checkpoint new or changed, 1 gone, 1 unchanged\n"
    catalogue = orbscan.open_catalogue("fleet.delta")
    assert sorted(catalogue.checkpoints().to_table()["step"].to_pylist()) == [10, 20]


def test_what_is_not_complete_is_told_each_time(command: Command, runs: Path) -> None:
    next((runs / "10").rglob("_METADATA")).unlink()
    for _ in range(2):
        code, _, err = command("scan", "runs", "-o", "fleet.delta")
        assert code == 5
        assert err.endswith(
            "1 of 2 checkpoints could not be read completely: see the column complete\n"
        )


def test_other_roots_are_refused_and_can_be_added(command: Command, runs: Path) -> None:
    command("scan", "runs/0", "-o", "fleet.delta")
    code, _, err = command("scan", "runs/10", "-o", "fleet.delta")
    assert code == 2
    assert f"is a catalogue of {runs / '0'}, not of {runs / '10'}: add it with" in err
    added = command("scan", "runs/10", "-o", "fleet.delta", "--add-roots")
    assert added[0] == 0
    assert added[2] == "fleet.delta: version 1: 1 checkpoint new or changed, 0 gone, 0 unchanged\n"


def test_paths_come_from_stdin(
    command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "paths").write_text("runs/0\nruns/10\n")
    with (tmp_path / "paths").open() as paths:
        monkeypatch.setattr("sys.stdin", paths)
        assert command("scan", "-", "-o", "fleet.delta")[0] == 0
    assert orbscan.open_catalogue("fleet.delta").roots == (str(runs / "0"), str(runs / "10"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("--table", "leaves"),
            "--table is for a file: a catalogue always has leaves and checkpoints",
        ),
        (("--since", "a.parquet"), "--since is for a file"),
        (("--ordered",), "--ordered is for a file"),
        (("--categories",), "--categories needs a file that ends in .parquet"),
        (("--level", "data"), "--level goes with --table findings"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_options_of_files_are_refused(
    command: Command, arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = command("scan", "runs", "-o", "fleet.delta", *arguments)
    assert code == 2
    assert told in err
    assert not os.path.exists("fleet.delta")  # noqa: PTH110


@pytest.mark.usefixtures("runs")
def test_what_is_missing_and_what_is_in_the_way(command: Command, tmp_path: Path) -> None:
    code, _, err = command("scan", "none", "-o", "fleet.delta")
    told = f"{tmp_path / 'none'}: does not exist, and the catalogue is left as it is"
    assert (code, err) == (3, f"orbscan: error: {told}\n")
    code, _, err = command("scan", "runs", "-o", "runs/fleet.delta")
    assert code == 2
    assert "which is searched for checkpoints: put the catalogue beside it" in err
    code, _, err = command("scan", "runs", "-o", "none/fleet.delta")
    assert code == 4
    assert "No such file or directory" in err
    assert command("scan", "runs", "-o", "a.parquet", "--add-roots")[0] == 2
