"""Checkpoints from before 0.4.3, which have a msgpack file and no `_METADATA`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {"name": "string", "empty": "string", "nest": {"list": ["string", "string"]}}


@pytest.fixture
def strings(tmp_path: Path) -> Path:
    case = next(case for case in corpus.golden_cases() if case.id == "o0.3.5-strings")
    corpus.unpack(case.archive, tmp_path)
    return tmp_path / case.id


def test_texts_are_told_from_arrays(strings: Path) -> None:
    read = orbscan.metadata(strings / "ckpt")
    assert {name: leaf for name, leaf in read.metadata.items() if name != "w"} == TEXTS
    assert read.metadata["w"].shape == (2,)
    (issue,) = read.issues
    assert issue.reason.startswith("no _METADATA, as before release 0.4.3")


def test_a_tree_of_texts_alone_is_read(strings: Path) -> None:
    assert orbscan.metadata(strings / "only").metadata == TEXTS


def test_texts_that_lie_where_0_4_0_put_them_are_read_alike(strings: Path) -> None:
    checkpoint = strings / "ckpt"
    shutil.move(checkpoint / "empty" / "_strings.json", checkpoint / "_strings.json")
    assert orbscan.metadata(checkpoint).metadata["nest"] == TEXTS["nest"]


def test_a_damaged_file_of_texts_is_an_issue_that_names_it(strings: Path) -> None:
    file = strings / "ckpt" / "empty" / "_strings.json"
    file.write_text('{"name": ')
    read = orbscan.metadata(strings / "ckpt")
    assert isinstance(read.metadata["name"], orbscan.UnreadableLeaf)
    assert str(file) in [issue.file for issue in read.issues]
    assert read.metadata["w"].shape == (2,)


def test_a_text_that_is_lost_is_an_unreadable_leaf(strings: Path) -> None:
    (strings / "ckpt" / "empty" / "_strings.json").unlink()
    read = orbscan.metadata(strings / "ckpt")
    assert isinstance(read.metadata["name"], orbscan.UnreadableLeaf)
