"""The checkpoints that `orbscan demo` writes are those that Orbax writes for it."""

from __future__ import annotations

import io
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import orbscan
from orbscan.cli import demo, main
from tests.support.processes import run
from tools import demo_checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def told(root: Path) -> dict[str, Any]:
    """What orbscan says of all checkpoints below a directory, but times and made-up names."""
    found: dict[str, Any] = {}
    with orbscan.scan(root, ordered=True) as entries:
        for entry in entries:
            path = str(entry.path).removeprefix(str(root))
            facts = entry.kind, entry.committed, entry.metrics, entry.complete
            trees = entry.checkpointables and entry.checkpointables.metadata
            custom = entry.checkpointables and entry.checkpointables.custom_metadata
            codes = [
                (finding.code, finding.leaf, finding.chunks)
                for finding in orbscan.verify(entry.path).findings
            ]
            found[path] = (*facts, trees, custom, codes)
    return found


def test_what_is_shipped_is_what_orbax_writes(tmp_path: Path) -> None:
    demo_checkpoints.write(tmp_path / "written")
    demo.unpack(str(tmp_path / "shipped"))
    assert told(tmp_path / "shipped") == told(tmp_path / "written")


def test_the_archive_names_no_place_and_no_person() -> None:
    with tarfile.open(demo.ARCHIVE) as archive:
        for member in archive:
            assert (member.uid, member.uname, member.mtime) == (0, "", 0)
            file = archive.extractfile(member)
            if member.name.endswith("commit_success.txt") and file is not None:
                assert file.read().startswith(b"Checkpoint commit was successful to demo/")


def test_an_archive_depends_on_the_files_alone(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_bytes(b"content")
    packed = demo_checkpoints.archive(tmp_path)
    assert packed == demo_checkpoints.archive(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["a", "b", "a/same", "b/same"]
        file = archive.extractfile("b/same")
        assert file is not None
        assert file.read() == b"content"


def test_it_writes_into_a_new_or_empty_directory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("new/below", "empty"):
        assert main(["demo", str(tmp_path / name)]) == 0
        said = capsys.readouterr().out
        assert f"orbscan show {tmp_path / name}/composite" in said
        assert orbscan.latest(tmp_path / name / "runs" / "base").step == 1500


def test_it_refuses_what_is_not_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", str(tmp_path)]) == 2
    assert main(["demo", str(tmp_path / "file")]) == 2
    directory, file = capsys.readouterr().err.splitlines()
    wanted = "pass a new or empty directory"
    assert directory == f"orbscan: error: {tmp_path}: is not empty: {wanted}"
    assert file == f"orbscan: error: {tmp_path / 'file'}: is not a directory: {wanted}"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_where_there_is_no_room_nothing_is_left(tmp_path: Path) -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
from orbscan.cli import main
raise SystemExit(main(["demo", {str(tmp_path / "demo")!r}]))
"""
    ended = run([sys.executable, "-c", program])
    assert ended.returncode == 4
    assert "File too large" in ended.stderr
    assert [*tmp_path.iterdir()] == []
