"""A part of the truth campaign: what verify says of random damages is what restores show.

`python -m tests.damage.truth` tries thousands; docs/reliability.md has the figures.
"""

from __future__ import annotations

import pytest

from tests.damage.truth import Outcome, run
from tests.support.draws import examples

RIGHT = {"v1": "right", "v1 with a target": "right", "v0": "right"}
FAILS = dict.fromkeys(RIGHT, "fails: ValueError: no")


def test_what_verify_says_is_what_restores_show() -> None:
    cases = examples(60)
    truth = run(cases=cases, seed=1, workers=1)
    assert [str(outcome) for outcome in truth.outcomes if outcome.is_false] == []
    assert [str(outcome) for outcome in truth.outcomes if outcome.is_mistold] == []
    assert len(truth.outcomes) >= cases
    assert {outcome.comes_of_it for outcome in truth.outcomes} >= {"all right", "all fail"}


@pytest.mark.parametrize(
    ("restored", "findings", "is_false"),
    [
        (RIGHT, [], False),
        (RIGHT, [("warning", "sharding")], False),
        (RIGHT, [("error", "chunk-lost")], True),
        (FAILS, [("error", "chunk-lost")], False),
        (FAILS, [("warning", "sharding")], True),
        (FAILS, [("note", "data-file-unused")], True),
        ({**FAILS, "v0": "right"}, [], True),
        ({**FAILS, "v0": "right"}, [("warning", "sharding")], False),
        ({**RIGHT, "v0": "other"}, [], True),
        ({**RIGHT, "v0": "other"}, [("warning", "sharding")], False),
        ({}, [], True),
    ],
)
def test_a_verdict_that_is_not_true_is_false(
    restored: dict[str, str], findings: list[tuple[str, str]], *, is_false: bool
) -> None:
    outcome = Outcome("v1", "bit flipped", "state/_METADATA bit 1 of byte 2", restored, findings)
    assert outcome.is_false == is_false


@pytest.mark.parametrize(
    ("restored", "told", "is_mistold"),
    [
        (RIGHT, "works", False),
        (RIGHT, "may fail", False),
        (RIGHT, "fails", True),
        (FAILS, "works", True),
        (FAILS, "may fail", False),
        (FAILS, "fails", False),
        ({**RIGHT, "v0": "other"}, "works", True),
        ({**FAILS, "v0": "other"}, "fails", False),
        ({**FAILS, "v0": "right"}, "fails", True),
        ({}, "works", False),
    ],
)
def test_what_is_told_of_each_way_is_held_against_it(
    restored: dict[str, str], told: str, *, is_mistold: bool
) -> None:
    findings = [("error", "chunk-lost")]
    case = "state/_METADATA bit 1 of byte 2"
    outcome = Outcome("v1", "bit flipped", case, restored, findings, dict.fromkeys(RIGHT, told))
    assert outcome.is_mistold == is_mistold


def test_bytes_of_values_without_a_checksum_are_stated() -> None:
    case = "w/c/0/0 bit 1 of byte 2"
    outcome = Outcome("v1", "bit flipped", case, {**RIGHT, "v0": "other"}, [])
    assert outcome.is_stated
    assert not outcome.is_false
