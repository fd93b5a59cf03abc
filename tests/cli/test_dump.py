"""`orbscan dump`: a file of a checkpoint, as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    corpus.unpack(corpus.GOLDEN / "corpus" / "o0.12.8-v1.tar.gz", tmp_path)
    return tmp_path / "o0.12.8-v1" / "ckpt"


def node_file(checkpoint: Path) -> Path:
    (path,) = (checkpoint / "state" / "d").iterdir()
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["dump", *arguments])
    return (status, *capsys.readouterr())


def test_the_command_says_by_its_exit_code_whether_all_is_well(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkpoint / "state" / "manifest.ocdbt"
    status, out, _ = run(capsys, str(path))
    assert (status, out.splitlines()[0]) == (0, "an OCDBT manifest")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    status, out, _ = run(capsys, str(path))
    assert status == 1
    assert "root lengths" in out
    assert out.splitlines()[-1].startswith(f"error: {path}, byte {len(content) - 4}: checksum")
    assert run(capsys, str(checkpoint / "nowhere"))[0] == 3


def test_json_has_everything(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = node_file(checkpoint)
    size = path.stat().st_size
    status, out, _ = run(capsys, str(path), "--at", f"0:{size}", "-o", "json")
    document = json.loads(out)
    (structure,) = document["structures"]
    assert (status, document["schema_version"], structure["error"]) == (0, 1, None)
    assert structure["fields"][1] == {
        "level": 0,
        "offset": 4,
        "in_body": False,
        "name": "length",
        "value": size,
        "group": False,
    }


@pytest.mark.parametrize("part", ["5", "a:b", "-1:5", f"0:{2**64}"])
def test_a_part_that_is_none_is_wrong_use(checkpoint: Path, part: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dump", str(node_file(checkpoint)), f"--at={part}"])
    assert ended.value.code == 2


def test_nothing_in_a_file_reaches_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "_METADATA"
    path.write_text(json.dumps({"\x1b[2J": "\x1b]0;title\x07", "\u202e": ["\r"]}))
    _, out, _ = run(capsys, str(path))
    assert "\\x1b[2J" in out
    assert all(character.isprintable() or character == "\n" for character in out)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("checkpoint", b'# a\nmodel_checkpoint_path: "c"\n', "TensorFlow keeps the name"),
        ("saved_model.pb", b"\x08\x01", "a TensorFlow SavedModel"),
        ("zarr.json", b'{"zarr_format": 3, "node_type": "group"}', "Zarr v3 group"),
    ],
)
def test_a_dump_tells_files_of_others(
    name: str,
    content: bytes,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / name).write_bytes(content)
    is_fault = main(["dump", str(tmp_path / name)]) != 0
    assert is_fault == (name != "zarr.json")
    assert told in capsys.readouterr().out
