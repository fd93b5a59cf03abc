"""Directories of other libraries, and steps in the directory of a flat checkpoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Copy = Callable[[str, str], Path]

STRANGERS = {
    "TensorFlow": {
        "checkpoint": 'model_checkpoint_path: "model.ckpt-10"\n',
        "model.ckpt-10.index": "",
    },
    "SavedModel": {"saved_model.pb": "\x08", "variables/variables.index": ""},
    "PyTorch": {".metadata": "\x80\x04", "__0_0.distcp": ""},
    "Zarr group": {".zgroup": '{"zarr_format": 2}', "a/.zarray": "{}"},
    "Zarr array or group": {"zarr.json": json.dumps({"zarr_format": 3, "node_type": "group"})},
    "T5X": {"checkpoint": "\x81", "target.encoder.kernel/.zarray": "{}"},
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_stranger_is_told_for_what_it_is(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in STRANGERS[kind].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    for ask in (orbscan.metadata, orbscan.verify, orbscan.du):
        with pytest.raises(orbscan.InvalidLayoutError, match=f"is a .*{kind}.*, not an Orbax"):
            ask(tmp_path)
    assert main(["verify", str(tmp_path)]) == 3
    assert "damaged" not in "".join(capsys.readouterr())


@pytest.fixture
def nested(copy: Copy, tmp_path: Path) -> Path:
    """A flat checkpoint into which a manager saved steps."""
    copy("o0.12.8-flat/ckpt", "root")
    copy("o0.12.8-manager/run/0", "root/100")
    copy("o0.12.8-manager/run/10", "root/200")
    return tmp_path / "root"


def test_steps_in_a_flat_checkpoint_are_found_and_read(nested: Path) -> None:
    found = {Path(entry.path).name: entry for entry in orbscan.scan(nested)}
    assert set(found) == {"root", "100", "200"}
    assert orbscan.is_orbax_checkpoint(nested / "200")
    read = orbscan.metadata(nested / "200")
    entry = found["200"].metadata
    assert entry is not None
    assert read.metadata == entry.metadata
    assert orbscan.verify(nested / "200").ok


def test_steps_in_a_flat_checkpoint_are_not_its_files(
    nested: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = orbscan.verify(nested)
    assert not report.findings, report
    assert main(["verify", str(nested)]) == 0
    assert "3 checkpoints: 3 ok" in capsys.readouterr().out


def test_what_is_not_a_step_of_its_own_stays_a_part(nested: Path) -> None:
    (nested / "200" / "_CHECKPOINT_METADATA").unlink()
    with pytest.raises(orbscan.InvalidLayoutError, match="is a part of the checkpoint") as refused:
        orbscan.metadata(nested / "200")
    # No checkpointable of that name can be read.
    assert refused.value.advice is None
    assert "if it is a step, _CHECKPOINT_METADATA is missing" in refused.value.reason


def test_directories_of_tensorflow_are_not_checkpointables(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint").write_text(STRANGERS["TensorFlow"]["checkpoint"])
    with pytest.raises(orbscan.InvalidLayoutError, match="is not a checkpoint"):
        orbscan.checkpointables_metadata(tmp_path)
    assert not list(orbscan.scan(tmp_path))


def test_a_single_array_is_not_a_lost_tree(golden: Path) -> None:
    array = golden / "o0.5.10-manager-arrays" / "run" / "0" / "jax_key"
    assert not list(orbscan.scan(array))
    for item in ("array", "jax_key"):
        read = orbscan.checkpointables_metadata(array.parent)
        assert read.metadata[item] is None
        assert not read.issues


def test_the_commit_marker_of_a_step_is_none_of_a_checkpointable(copy: Copy) -> None:
    root = copy("o0.5.10-flat/ckpt", "root")
    step = copy("o0.12.8-manager/run/0", "root/0")
    assert (step / "commit_success.txt").exists()
    assert not (root / "commit_success.txt").exists()
    assert not orbscan.verify(root).findings


def test_a_text_of_tensorflow_may_begin_with_a_comment(tmp_path: Path) -> None:
    text = f"# {'x' * 100}\n\n{STRANGERS['TensorFlow']['checkpoint']}"
    (tmp_path / "checkpoint").write_text(text)
    with pytest.raises(orbscan.InvalidLayoutError, match="is a TensorFlow checkpoint"):
        orbscan.verify(tmp_path)


def test_what_is_not_looked_into_is_said(copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    step = copy("o0.12.8-manager-arrays/run", "run") / "0"
    shutil.rmtree(step / "jax_key" / "jax_random_key")
    report = orbscan.verify(step, level="data")
    unseen = {f.checkpointable for f in report.findings if f.code == "not-checked"}
    assert "jax_key" in unseen
    assert main(["verify", str(step), "--name", "jax_key"]) == 0
    assert "its content was not looked at" in capsys.readouterr().out
