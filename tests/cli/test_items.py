"""What a checkpoint holds besides the pytree that is shown, on the command line and in Python."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from pathlib import Path

HANDLERS = {"config": "orbax.JsonCheckpointHandler", "dataset": "mine.Handler", "state": None}
DOCUMENT = '{"rate": 0.5, "most": NaN, "note": "ü"}'


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    path = handmade.write(
        tmp_path / "c", {"state": {"w": Array((3, 4))}, "config": JSON, "dataset": JSON}
    )
    metadata = path / "_CHECKPOINT_METADATA"
    document = json.loads(metadata.read_text()) if metadata.exists() else {}
    metadata.write_text(json.dumps({**document, "item_handlers": HANDLERS}))
    (path / "config" / "metadata").write_text(DOCUMENT, "utf-8")
    return path


def test_the_head_names_every_item_and_what_it_is(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(composite)]) == 0
    items = "config (json), dataset (mine.Handler), state (pytree, 1 leaf)"
    assert f"items      {items}\n" in capsys.readouterr().out
    assert main(["show", str(composite), "-o", "json"]) == 0
    kinds = {item["name"]: item["kind"] for item in json.loads(capsys.readouterr().out)["items"]}
    assert kinds == {"config": "json", "dataset": "other", "state": "pytree"}


def test_a_json_item_is_shown_as_its_document(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(composite), "--name", "config"]) == 0
    head, body = capsys.readouterr().out.split("\n\n")
    assert "name       config" in head
    assert body.splitlines()[1:3] == ['  "rate": 0.5,', '  "most": NaN,']
    assert main(["show", str(composite), "--name", "config", "-o", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["document"] == {"rate": 0.5, "most": "NaN", "note": "ü"}
    assert (shown["kind"], shown["handler"]) == ("json", HANDLERS["config"])


def test_no_tree_is_read_for_a_document(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(composite), "--name", "config"]) == 0
    whole = capsys.readouterr()
    (composite / "state" / "_METADATA").write_text("{")
    assert main(["show", str(composite), "--name", "config"]) == 0
    assert capsys.readouterr() == whole


def test_what_is_for_trees_is_refused_beside_a_document(composite: Path) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["show", str(composite), "--name", "config", "--param", "**"])
    assert refused.value.code == 2


def test_what_only_its_handler_knows_cannot_be_shown(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", str(composite), "--name", "dataset"]) == 3
    assert "dataset" in capsys.readouterr().err


def test_a_document_that_is_none_is_an_error_that_names_it(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (composite / "config" / "metadata").write_text("{")
    assert main(["show", str(composite), "--name", "config"]) == 3
    assert "config/metadata: is not a JSON document" in capsys.readouterr().err


@pytest.mark.parametrize("read", [orbscan.metadata, orbscan.checkpointables_metadata])
def test_metadata_knows_the_items(composite: Path, read: type) -> None:
    found = pickle.loads(pickle.dumps(read(composite)))  # noqa: S301 - our own
    config, dataset, state = found.items
    assert (config.name, config.kind, config.handler) == ("config", "json", HANDLERS["config"])
    assert config.document["note"] == "ü"
    assert (dataset.kind, str(dataset), dataset.document) == ("other", "mine.Handler", None)
    assert (state.name, state.kind) == ("state", "pytree")


def test_a_document_is_read_when_it_is_asked_for(composite: Path) -> None:
    config, *_ = orbscan.checkpointables_metadata(composite).items
    (composite / "config" / "metadata").write_text("[1]")
    assert config.document == [1]
    (composite / "config" / "metadata").unlink()
    with pytest.raises(orbscan.StoreError):
        _ = config.document
