"""A pytree called `metrics`: Orbax never reads it, and every command sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orbax.checkpoint.experimental.v1 as ocp
import pytest

import orbscan
from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import Array

if TYPE_CHECKING:
    from pathlib import Path

TREE = {"w": Array((2,))}
METRICS = {"acc": Array((3,))}
OTHER = {"acc": Array((3, 2)), "z": Array((2,))}


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "a", {"params": TREE, "metrics": METRICS})


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "alone", {"metrics": METRICS})


def test_it_is_as_reserved_as_in_orbax(composite: Path, alone: Path) -> None:
    with pytest.raises(ValueError, match="reserved"):
        orbscan.metadata(composite, "metrics")
    assert orbscan.metadata(composite).metadata.keys() == ocp.metadata(composite).metadata.keys()
    for path in (composite, alone):
        ours = orbscan.checkpointables_metadata(path).metadata
        assert ours.keys() == ocp.checkpointables_metadata(path).metadata.keys()


def test_it_is_never_chosen(alone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(orbscan.InvalidLayoutError, match="is read where it is named"):
        orbscan.metadata(alone)
    assert main(["show", str(alone), "--name", "metrics"]) == 0
    assert "acc" in capsys.readouterr().out


def test_a_difference_of_it_is_found(composite: Path, tmp_path: Path) -> None:
    other = handmade.write(tmp_path / "b", {"params": TREE, "metrics": OTHER})
    without = handmade.write(tmp_path / "c", {"params": TREE})
    for found in (orbscan.diff(composite, other), orbscan.diff(composite, other, "metrics")):
        assert [leaf.path for leaf in found.added] == ["z"]
        assert [leaf.path for leaf in found.changed] == ["acc"]
    assert not orbscan.diff(composite, composite)
    assert orbscan.diff(composite, without)
    assert not orbscan.diff(composite, other, "params")


def test_it_stands_among_the_others(composite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(composite)]) == 0
    assert "metrics (pytree)" in capsys.readouterr().out
    alone = orbscan.verify(composite, "metrics").alone
    assert alone is not None
    assert (alone.name, [other.name for other in alone.others]) == ("metrics", ["params"])


def test_its_bytes_and_its_leaves_are_its_own(composite: Path) -> None:
    usage = orbscan.du(composite)
    assert {leaf.checkpointable for leaf in usage.leaves} == {"metrics", "params"}
    assert {leaf.checkpointable for leaf in orbscan.du(composite, "metrics").leaves} == {"metrics"}
    (entry,) = orbscan.scan(composite)
    assert entry.complete
    assert entry.names == ("params",)
    assert orbscan.verify(composite).extent.leaves == 2


def test_a_lost_tree_of_it_is_no_equality(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (composite / "metrics" / "_METADATA").unlink()
    assert main(["diff", str(composite), str(composite)]) != 0
    capsys.readouterr()
    for name in (..., "metrics"):
        found = orbscan.verify(composite, name).findings
        (finding,) = [finding for finding in found if finding.code == "tree-unreadable"]
        assert finding.checkpointable == "metrics"
    (entry,) = orbscan.scan(composite)
    assert not entry.complete


def test_documents_of_metrics_are_no_checkpointable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = handmade.write(tmp_path / "c", {"params": TREE})
    (path / "metrics").mkdir()
    (path / "metrics" / "metrics").write_text('{"loss": 1}', "utf-8")
    assert main(["show", str(path), "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["others"] == []
    assert main(["show", str(path), "--name", "metrics"]) == 3
    assert orbscan.verify(path, "metrics").ok


def test_a_lost_document_of_metrics_is_an_error(tmp_path: Path) -> None:
    path = handmade.write(tmp_path / "c", {"params": TREE})
    handlers = {"metrics": "orbax.JsonCheckpointHandler"}
    (path / "_CHECKPOINT_METADATA").write_text(json.dumps({"item_handlers": handlers}), "utf-8")
    (path / "metrics").mkdir()
    (finding,) = orbscan.verify(path, "metrics").findings
    assert (finding.code, finding.checkpointable) == ("document-unreadable", "metrics")
    (path / "metrics" / "metrics").write_text("{}", "utf-8")
    assert orbscan.verify(path, "metrics").ok
