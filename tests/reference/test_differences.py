"""docs/differences.md is true: each row, asked of the installed Orbax and of orbscan.

So is what other pages, and texts of orbscan, say of Orbax and no other test holds.
"""

from __future__ import annotations

import re
from importlib import metadata
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from tests.reference.differences import chooses, orbax_side, reads_more, refuses, sentences
from tests.reference.differences.situation import SITUATIONS, Row, Sentence
from tests.support.processes import ROOT, elsewhere

if TYPE_CHECKING:
    from tests.reference.differences.situation import Answer, Asking, Situation

PAGE = ROOT / "docs" / "differences.md"
MODULES = (reads_more, refuses, chooses, sentences)
"""Importing them has marked their situations."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> dict[Situation, tuple[Asking, list[Answer]]]:
    """Every situation up to its questions, and the answers to them."""
    running: dict[Situation, tuple[Asking, int]] = {}
    questions = []
    for situation in SITUATIONS.values():
        asking = situation(tmp_path_factory.mktemp(situation.__name__))
        asked = next(asking)
        questions += asked
        running[situation] = (asking, len(asked))
    answers = iter(elsewhere(orbax_side.answers, questions))
    return {
        situation: (asking, [*islice(answers, count)])
        for situation, (asking, count) in running.items()
    }


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=lambda made: made.__name__)
def test_both_do_what_is_said_of_them(
    situation: Situation, begun: dict[Situation, tuple[Asking, list[Answer]]]
) -> None:
    asking, answers = begun[situation]
    with pytest.raises(StopIteration):
        asking.send(answers)


def test_each_row_of_the_page_has_a_situation_in_its_words() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    tables = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    version = metadata.version("orbax-checkpoint")
    heads = [cells for cells in tables if cells[0] == "what"]
    assert heads == [["what", f"Orbax {version}", "orbscan"]] * 3
    on_the_page = [Row(*cells) for cells in tables if cells[0] != "what"]
    assert {*on_the_page} == {claim for claim in SITUATIONS if isinstance(claim, Row)}
    assert len(on_the_page) == len({*on_the_page})


def test_each_sentence_stands_where_its_situation_says() -> None:
    for claim in SITUATIONS:
        if isinstance(claim, Sentence):
            content = (ROOT / claim.file).read_text(encoding="utf-8")
            # A text in Rust may go on in the next line.
            assert claim.text in re.sub(r"\\\n\s*", "", content), claim
