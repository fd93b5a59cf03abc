"""What a finding says that Orbax does is what the installed Orbax does."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import orbscan
from orbscan import _core
from orbscan.checking.findings import worst
from tests.checking.meaning_case import FAILS, RIGHT
from tests.checking.meaning_cases import CASES
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).with_name("orbax_answers.py")
MEANINGS = {code: meaning for code, _, meaning, _ in _core.FINDING_CODES}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the checkpoint of a case, damaged once."""
    bases = tmp_path_factory.mktemp("bases")
    processes.output([sys.executable, SCRIPT, "make", bases])
    root = tmp_path_factory.mktemp("damaged")

    def checkpoint(name: str) -> Path:
        case = CASES[name]
        path = root / str([*CASES].index(name))
        if not path.exists():
            shutil.copytree(bases / case.base, path)
            case.damage(case.item(path))
        return path

    return checkpoint


@pytest.fixture(scope="module")
def answers(damaged: Callable[[str], Path]) -> dict[tuple[str, str], object]:
    """What Orbax answers to every question of every case."""
    asked = [(name, how) for name, case in CASES.items() for how in case.answers]
    questions = json.dumps([(str(damaged(name)), how) for name, how in asked])
    told = processes.output([sys.executable, SCRIPT, "ask"], input=questions, stdin=None)
    return dict(zip(asked, json.loads(told), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_finding_says_so(name: str, damaged: Callable[[str], Path]) -> None:
    case = CASES[name]
    found = {
        finding.code: finding for finding in orbscan.verify(damaged(name), level="data").findings
    }
    if case.code is None:
        assert found == {}
        return
    assert case.code in found, found
    assert found[case.code].meaning == MEANINGS[case.code] == case.meaning


@pytest.mark.parametrize("name", CASES)
def test_orbax_does_so(name: str, answers: dict[tuple[str, str], object]) -> None:
    for how, expected in CASES[name].answers.items():
        got = answers[name, how]
        if expected == FAILS:
            assert not isinstance(got, dict), (how, got)
        else:
            assert got == expected, how


# The checkpoints that come back as `RIGHT` if nothing is wrong with them.
WHOLE = {"v1", "flat", "items", "files", "zarr3", "shards"}

# What each way is called among the questions to Orbax.
WAYS = {"v1": "v1 load", "v1_target": "v1 load, sharding given", "v0": "v0 restore"}


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].base in WHOLE])
def test_restores_are_as_the_findings_say(
    name: str, damaged: Callable[[str], Path], answers: dict[tuple[str, str], object]
) -> None:
    case = CASES[name]
    found = orbscan.verify(damaged(name), level="data").findings
    own = [finding for finding in found if finding.checkpointable in {None, "state"}]
    told = worst(finding.restores for finding in own)._asdict()
    for way, how in WAYS.items():
        answer = answers.get((name, how))
        if how in case.answers and told[way] != "may fail":
            assert (told[way] == "works") == (answer == RIGHT), (way, answer)


@pytest.mark.parametrize("name", [name for name in CASES if CASES[name].code == "tree-refused"])
def test_what_orbax_refuses_costs_no_leaf(name: str, damaged: Callable[[str], Path]) -> None:
    report = orbscan.verify(damaged(name))
    assert not report.ok
    assert report.lost_leaves == ()


# What these say is not about Orbax, or follows from what they are.
NOT_ABOUT_ORBAX = {
    "uncommitted",
    "leaf-unsupported",
    "hosts-differ",
    "chunk-elsewhere",
    "chunk-lost",
    "chunk-overlap",
    "data-file-missing",
    "data-file-short",
    "node-overlap",
    "chunk-unreadable",
    "not-finite",
    "not-decoded",
    "not-checked",
}


def test_every_sentence_about_orbax_has_a_case() -> None:
    assert {case.code for case in CASES.values() if case.code} | NOT_ABOUT_ORBAX == {*MEANINGS}
