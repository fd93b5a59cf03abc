"""`orbscan catalogue` shows what a catalogue holds, and cleans it up."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import catalogues, main
from tests.support import corpus

if TYPE_CHECKING:
    from orbscan import CatalogueVersion

TARGET = "fleet.delta"


@pytest.fixture(autouse=True)
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[CatalogueVersion]:
    """A catalogue of two runs, of which one has lost a step since; gives its versions."""
    case = next(case for case in corpus.golden_cases() if case.id == "o0.12.8-manager")
    corpus.unpack(case.archive, tmp_path)
    monkeypatch.chdir(tmp_path)
    for run in "ab":
        shutil.copytree(tmp_path / case.id / "run", tmp_path / "runs" / run)
    next(Path("runs/b/0").rglob("_METADATA")).unlink()
    orbscan.update_catalogue(TARGET, ["runs/a", "runs/b"])
    shutil.rmtree("runs/a/10")
    orbscan.update_catalogue(TARGET, ["runs/a", "runs/b"])
    return orbscan.open_catalogue(TARGET).versions()


def shown(*words: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["catalogue", TARGET, *words]) == 0
    out, err = capsys.readouterr()
    assert not err
    return out


def test_what_it_holds_is_shown(
    tmp_path: Path, versions: list[CatalogueVersion], capsys: pytest.CaptureFixture[str]
) -> None:
    head, table = shown(capsys=capsys).split("\n\n")
    lines = head.splitlines()
    assert lines[:4] == [
        f"catalogue  {tmp_path / TARGET}",
        "version    1",
        f"roots      {tmp_path / 'runs' / 'a'}",
        f"           {tmp_path / 'runs' / 'b'}",
    ]
    keypaths = orbscan.open_catalogue(TARGET).leaves().to_table(columns=["keypath"])["keypath"]
    leaves = len(keypaths.drop_null())
    assert lines[4] == f"holds      3 checkpoints, 2 of them complete; {leaves} leaves"
    assert lines[5].startswith("size ")
    assert lines[5].endswith(f" in {len(list_files())} files")
    rows = [row.split(maxsplit=1) for row in table.splitlines()]
    assert [row[0] for row in rows] == ["VERSION", "1", "0"]
    stamps = [one.moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC") for one in versions]
    assert [row[1] for row in rows] == ["COMMITTED", *stamps]


def list_files() -> list[str]:
    from deltalake import DeltaTable

    return DeltaTable(TARGET).file_uris()


def test_an_older_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown("--version", "0", capsys=capsys)
    assert "\nversion    0\n" in out
    assert "4 checkpoints, 3 of them complete" in out


def test_the_same_is_written_as_json(
    tmp_path: Path, versions: list[CatalogueVersion], capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(shown("-o", "json", capsys=capsys))
    contents = orbscan.open_catalogue(TARGET).contents()
    assert document == {
        "schema_version": 1,
        "path": str(tmp_path / TARGET),
        "version": 1,
        "roots": [str(tmp_path / "runs" / run) for run in "ab"],
        "contents": contents._asdict(),
        "versions": [
            {
                "version": one.version,
                "commit_timestamp_nsecs": round(one.moment.timestamp() * 1_000) * 1_000_000,
            }
            for one in versions
        ],
    }
    assert contents[:2] == (3, 2)


def test_what_older_versions_needed_is_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    files = {*list_files()}
    # Nothing has been out of use for so long.
    assert main(["catalogue", TARGET, "--vacuum"]) == 0
    assert capsys.readouterr() == ("", f"{TARGET}: 0 files deleted\n")
    assert main(["catalogue", TARGET, "--vacuum", "--older-than", "0h"]) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"{TARGET}: ")
    assert err.endswith(" files deleted\n")
    assert not err.startswith(f"{TARGET}: 0 ")
    assert {*list_files()} == files
    assert main(["catalogue", TARGET, "--version", "0"]) == 4
    assert "version 0 was cleaned up" in capsys.readouterr().err
    assert main(["catalogue", TARGET]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--older-than", "1d"], "--older-than goes with --vacuum"),
        (["--vacuum", "--older-than", "week"], "'week' is not an age such as 30d, 12h or 2w"),
        (["--vacuum", "--older-than", f"{'9' * 9}d"], "is not an age"),
        (["--vacuum", "--version", "0"], "--vacuum takes neither --version nor -o"),
        (["--vacuum", "-o", "json"], "--vacuum takes neither --version nor -o"),
        (["--version", "-1"], "'-1' is not a whole number"),
    ],
)
def test_wrong_use_is_refused(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["catalogue", TARGET, *words])
    assert said in capsys.readouterr().err


def test_what_is_not_a_catalogue_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {
        ("nothing.delta",): "nothing.delta: there is no catalogue",
        ("runs",): "is a directory with other files ('a'), not a catalogue",
        (TARGET, "--version", "9"): "has no version 9: the newest is 1, and the first 0",
    }
    for words, said in refused.items():
        assert main(["catalogue", *words]) == 3
        assert said in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "deltalake", None)
    assert main(["catalogue", TARGET]) == 2
    assert "a catalogue needs deltalake" in capsys.readouterr().err


def test_ages_are_days() -> None:
    assert [catalogues._age(text) for text in ("2w", "30d", "12h")] == [14, 30, 0.5]
