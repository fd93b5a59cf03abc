"""One damage, the finding that it makes, and what Orbax answers to some questions about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.damage.damages import Damage

RIGHT = dict.fromkeys("akns", "right")
WITHOUT_A = {name: "right" for name in RIGHT if name != "a"}
WITHOUT_S = {name: "right" for name in RIGHT if name != "s"}
FILLED = {**RIGHT, "a": "filled"}
FAILS = "fails"

RESTORES = ("v0 restore", "v1 load")
GIVEN = ("v0 restore, sharding given", "v1 load, sharding given")


@dataclass(frozen=True)
class Case:
    """A damage to the pytree of a checkpoint, or to the whole of it, and all that comes of it."""

    base: str
    damage: Damage
    code: str | None
    meaning: str
    answers: dict[str, Any] = field(default_factory=dict)
    whole: bool = False

    def item(self, checkpoint: Path) -> Path:
        named = not self.whole and (checkpoint / "state").exists()
        return checkpoint / "state" if named else checkpoint


def every(how: tuple[str, ...], outcome: object) -> dict[str, Any]:
    return dict.fromkeys(how, outcome)
