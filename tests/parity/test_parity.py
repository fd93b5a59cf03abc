"""All commands say the same of every place: see `invariants.py`.

A share of the places is asked about each time, always the same; ORBSCAN_PARITY=all asks about all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.damage.subjects import Subject, make
from tests.damage.test_campaign import NAMES
from tests.parity import places
from tests.parity.invariants import violations
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.parity.asking import Asked


def disagreements(asked: Iterable[Asked]) -> str:
    return "\n".join(violation for place in asked for violation in violations(place))


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Subject]:
    return {subject.name: subject for subject in make(tmp_path_factory.mktemp("subjects"))}


@pytest.mark.parametrize("case", corpus.cases(), ids=lambda case: case.id)
def test_commands_agree_about_what_orbax_wrote(case: corpus.Case, tmp_path: Path) -> None:
    assert disagreements(places.recorded(case, tmp_path, of=places.one_in(6))) == ""


@pytest.mark.parametrize("name", NAMES)
def test_commands_agree_about_what_is_damaged(name: str, subjects: dict[str, Subject]) -> None:
    others = [subject for subject in subjects.values() if subject.name != name]
    assert disagreements(places.damaged(subjects[name], others, of=places.one_in(10))) == ""


@pytest.mark.parametrize("name", NAMES)
def test_commands_agree_about_copies_of_every_shape(
    name: str, subjects: dict[str, Subject], tmp_path: Path
) -> None:
    assert disagreements(places.shaped(subjects[name], tmp_path, of=places.one_in(20))) == ""


def test_commands_agree_about_what_orbax_did_not_write(tmp_path: Path) -> None:
    assert disagreements(places.foreign(tmp_path)) == ""
