"""`verify` and `du` of one checkpointable say nothing of the others, and say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from pathlib import Path

TREE = {"w": Array((2,))}
CHUNK = b"\0" * 8


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    path = handmade.write(tmp_path / "c", {"ema": TREE, "params": TREE, "dataset": JSON})
    for name in ("ema", "params"):
        (path / name / "w" / "0").write_bytes(CHUNK)
    return path


def refusal(path: Path, name: str | None) -> str:
    """What a read says of a name that is not there."""
    with pytest.raises(orbscan.InvalidLayoutError) as caught:
        orbscan.metadata(path, name)
    return str(caught.value)


def test_only_the_named_one_is_checked(composite: Path) -> None:
    handmade.damage(composite, "ema")
    assert not orbscan.verify(composite).ok
    report = orbscan.verify(composite, "params")
    assert report.ok
    assert report.extent.leaves == 1
    damaged = orbscan.verify(composite, name="ema")
    assert {finding.checkpointable for finding in damaged.findings} == {"ema"}
    assert not damaged.ok


def test_what_is_no_pytree_can_be_named_too(composite: Path) -> None:
    assert orbscan.verify(composite, "dataset").ok
    (composite / "dataset" / "metadata").write_text("{", "utf-8")
    (finding,) = orbscan.verify(composite, "dataset").findings
    assert finding.code == "document-unreadable"
    (file,) = orbscan.du(composite, "dataset").files
    assert (file.checkpointable, file.path) == ("dataset", "metadata")


def test_only_the_named_one_is_summed(composite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usage = orbscan.du(composite, "params")
    inside = composite / "params"
    assert usage.total == sum(p.stat().st_size for p in inside.rglob("*") if p.is_file())
    assert {leaf.checkpointable for leaf in usage.leaves} == {"params"}
    assert {file.checkpointable for file in usage.files} == {"params"}
    assert main(["du", str(composite), "--name", "params"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "measured   params alone" in lines
    assert "others     not measured: dataset (not a pytree), ema" in lines
    assert main(["du", str(composite), "--name", "params", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["alone"]["checkpointable"] == "params"


@pytest.mark.parametrize("name", ["gone", None])
def test_a_name_that_is_not_there_is_the_error_of_a_read(
    composite: Path, name: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    for ask in (orbscan.verify, orbscan.du):
        with pytest.raises(orbscan.InvalidLayoutError) as caught:
            ask(composite, name)
        assert str(caught.value) == refusal(composite, name)
    option = ["--flat"] if name is None else ["--name", name]
    errors = set()
    for command in ("show", "verify", "du"):
        assert main([command, str(composite), *option]) == 3
        errors.add(capsys.readouterr().err)
    assert len(errors) == 1


@pytest.mark.parametrize("name", ["", "_CHECKPOINT_DELETION", "a/b"])
def test_what_cannot_be_a_name_is_refused_as_by_a_read(composite: Path, name: str) -> None:
    for ask in (orbscan.metadata, orbscan.verify, orbscan.du):
        with pytest.raises(ValueError, match=r"empty|reserved|cannot be the name"):
            ask(composite, name)


def test_the_tree_of_the_checkpoint_itself_is_told_from_those_in_it(tmp_path: Path) -> None:
    both = handmade.write(tmp_path / "both", {None: TREE, "x": TREE})
    for path in (both, both / "x"):
        (path / "w" / "0").write_bytes(CHUNK)
    handmade.damage(both, "x")
    report = orbscan.verify(both, None)
    assert report.ok
    assert report.alone is not None
    assert [other.name for other in report.alone.others] == ["x"]
    assert not orbscan.verify(both, "x").ok
    assert {file.checkpointable for file in orbscan.du(both, "x").files} == {"x"}
    assert {file.checkpointable for file in orbscan.du(both, None).files} == {None}


def test_what_should_be_there_under_the_name_is_a_finding(composite: Path) -> None:
    handler = "orbax.checkpoint.PyTreeCheckpointHandler"
    header = {"item_handlers": {"params": handler, "gone": handler, "ema": handler}}
    (composite / "_CHECKPOINT_METADATA").write_text(json.dumps(header), "utf-8")
    (composite / "ema" / "_METADATA").unlink()

    def codes(name: Any) -> list[str]:
        return [finding.code for finding in orbscan.verify(composite, name).findings]

    assert codes("gone") == ["checkpointable-missing"]
    assert codes("ema") == ["tree-unreadable"]
    assert codes("params") == []
    assert len(orbscan.du(composite, "gone").issues) == 1
    assert orbscan.du(composite, "params").issues == ()


def test_a_checkpoint_without_names_is_checked_alone(tmp_path: Path) -> None:
    flat = handmade.write(tmp_path / "flat", {None: TREE})
    alone = orbscan.verify(flat, None, level="structure").alone
    assert alone is not None
    assert (alone.name, alone.others) == (None, ())


def test_what_is_combined_is_checked_as_a_whole(composite: Path, tmp_path: Path) -> None:
    paths = [composite, handmade.write(tmp_path / "d", {"ema": TREE})]
    with pytest.raises(ValueError, match="as a whole"):
        orbscan.verify(paths, "params", combined=True)
    with pytest.raises(SystemExit) as ended:
        main(["verify", *map(str, paths), "--combined", "--name", "params"])
    assert ended.value.code == 2


def test_a_report_of_all_is_of_none_alone(composite: Path) -> None:
    assert orbscan.verify(composite).alone is None
    chosen = orbscan.verify(composite, "AUTO").alone
    assert chosen is not None
    assert chosen.name == "ema"
