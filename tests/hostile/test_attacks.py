"""No file makes a reader crash, hang, take all memory, or look outside the checkpoint."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile import victim
from tests.hostile.attacks import ATTACKS
from tests.support.processes import output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEBIBYTES = 384
"""What an attack may cost."""

SECONDS = 120
"""What each question about it may cost of a processor; nothing here takes more than a few."""


def attacked(path: Path) -> Any:
    """What a victim says of a path."""
    return json.loads(output([sys.executable, victim.__file__, path, MEBIBYTES, SECONDS]))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_an_attack_ends_in_an_answer(attack: Callable[[Path], None], tmp_path: Path) -> None:
    kind, words = ATTACKS[attack]
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    attack(folder)
    outcomes = attacked(folder)
    for asked in ("verify", "du", "diff", "scan", "dump"):
        # What each of them says is tested elsewhere; here it is enough that they say something.
        assert "$6$" not in outcomes[asked]["text"], asked
    outcome = outcomes["metadata"]
    assert outcome["kind"] == kind, outcome["text"][:500]
    said = " ".join([outcome["text"], *outcome.get("issues", [])])
    assert words in said, said[:500]
    assert "$6$" not in said
    if kind is not None:
        assert outcome["file"].startswith(str(tmp_path))
