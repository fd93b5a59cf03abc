"""Wrong use ends with the exit code for that and a sentence, never with a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from pathlib import Path

HUGE = "9" * 23
LONGER = "9" * 5_000


@pytest.mark.parametrize(
    "arguments",
    [
        ["dump", "file://host/file"],
        ["show", "file://host/ckpt"],
        ["dump", "file", "--at", f"{HUGE}:1"],
        ["ls", ".", "--latest", HUGE],
        ["ls", ".", "--latest", LONGER],
        ["ls", ".", "--threads", HUGE],
        ["scan", ".", "--shard", f"0/{HUGE}"],
        ["verify", ".", "--level", "data", "--max-bandwidth", "99999EiB"],
        ["show", ".", "--step", LONGER],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_what_cannot_be_is_wrong_use(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(arguments))
    assert ended.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("junk.parquet", b"junk"),
        ("empty.parquet", b""),
        ("junk.arrow", b"junk"),
        ("table.csv", b"path\n"),
    ],
)
def test_an_earlier_scan_that_is_none_is_wrong_use(
    name: str, content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    previous = tmp_path / name
    previous.write_bytes(content)
    target = tmp_path / "new.parquet"
    command = ["scan", str(tmp_path), "--since", str(previous), "-o", str(target)]
    with pytest.raises(SystemExit) as ended:
        raise SystemExit(main(command))
    assert ended.value.code == 2
    assert capsys.readouterr().err
    assert not target.exists()


def test_lines_that_are_no_utf_8_are_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    previous = tmp_path / "old.jsonl"
    previous.write_bytes(b"\xff\xfe\n")
    new = tmp_path / "new.jsonl"
    assert main(["scan", str(tmp_path), "--since", str(previous), "-o", str(new)]) == 2
    assert "line 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [{"latest": 1 << 64}, {"threads": 1 << 20}, {"shard": (0, 1 << 65)}, {"since": {"x": -1}}],
    ids=str,
)
def test_numbers_that_are_out_of_bounds_are_value_errors(
    options: dict[str, object], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"must be|is not|no number"):
        orbscan.scan(tmp_path, **options)  # type: ignore[arg-type]


def test_a_bandwidth_of_more_than_64_bits_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_bandwidth"):
        orbscan.verify(tmp_path, level="data", max_bandwidth=1 << 64)
