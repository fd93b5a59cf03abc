"""orbscan's answers about real checkpoints, beside those that Orbax gave."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

import orbscan
from tests.support import corpus
from tests.support.known_differences import KNOWN_DIFFERENCES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("case", corpus.cases(), ids=lambda case: case.id)
def test_orbscan_says_what_orbax_said(case: corpus.Case, tmp_path: Path) -> None:
    corpus.unpack(case.archive, tmp_path)
    questions = corpus.questions(case)
    assert questions, f"{case.expected} records no question"
    found = [_finding(case, question, tmp_path) for question in questions]
    faults = [finding for finding in found if finding is not None]
    if faults:
        report = "\n  ".join([f"{case.id}: {len(faults)} of {len(questions)} answers", *faults])
        pytest.fail(report, pytrace=False)


def _finding(case: corpus.Case, question: corpus.Question, unpacked: Path) -> str | None:
    """A line about one answer, or None if it is as it should be."""
    verdict = question.judge(question.put_to(orbscan, unpacked / case.id))
    reason = KNOWN_DIFFERENCES.get(f"{case.id} {question.id}")
    if reason is None:
        return f"{verdict.word}: {question.id}: {verdict.reason}" if verdict.is_fault else None
    gone = f"{question.id} is {verdict.word}, but listed as a known difference: {reason}"
    return None if verdict.is_fault else gone


def test_the_index_names_every_golden_case_and_each_has_answers() -> None:
    index = tomllib.loads((corpus.GOLDEN / "INDEX.toml").read_text(encoding="utf-8"))
    named = {
        f"o{release['orbax-checkpoint']}-{kind}"
        for release in index["release"]
        for kind in release["kinds"]
    }
    archives = {path.name.removesuffix(".tar.gz") for path in corpus.GOLDEN.glob("corpus/*")}
    answers = {path.name.removesuffix(".json") for path in corpus.GOLDEN.glob("expected/*")}
    assert named == archives
    assert named == answers
