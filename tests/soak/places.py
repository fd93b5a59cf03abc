"""Places where checkpoints lie, and those who write, swap and delete them."""

from __future__ import annotations

import os
import random
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.soak.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT = 3
"""Steps that are not deleted."""


class Place:
    """One path at which checkpoints take turns, all of which are whole.

    Attributes:
        path: where one of them lies, or none between two renames.
        is_link: whether the path is a link, which is replaced at once.
    """

    def __init__(self, folder: Path, kinds: Path, *, is_link: bool) -> None:
        self.path = folder / "shown" / "ckpt"
        self.is_link = is_link
        self._pool = folder / "pool"
        self._kind = 0
        self._changes = 0
        self.path.parent.mkdir(parents=True)
        shutil.copytree(kinds, self._pool)
        self._put(0)

    @property
    def content(self) -> tuple[int, int] | None:
        """How often it has changed, and the kind that lies there; None while it changes."""
        changes, kind = self._changes, self._kind
        return (changes, kind) if changes % 2 == 0 and changes == self._changes else None

    def turn(self, rng: random.Random) -> None:
        """Puts another checkpoint in the place, or takes it away again at once."""
        before, other = self._kind, rng.choice([n for n in range(KINDS) if n != self._kind])
        self._changes += 1
        for kind in (other, before) if rng.random() < 0.5 else (other,):
            self._take(self._kind)
            self._put(kind)
            self._kind = kind
        self._changes += 1

    def _take(self, kind: int) -> None:
        if not self.is_link:
            self.path.rename(self._pool / str(kind))

    def _put(self, kind: int) -> None:
        if self.is_link:
            new = self.path.with_name("new")
            new.symlink_to(self._pool / str(kind))
            new.replace(self.path)
        else:
            (self._pool / str(kind)).rename(self.path)


class Steps:
    """A root of steps, of which the last ones are kept; the kind of a step follows from its number.

    Attributes:
        root: the directory of the steps.
    """

    def __init__(self, folder: Path, kinds: Path) -> None:
        self.root = folder
        self._kinds = kinds
        self._next = 0
        folder.mkdir()
        for _ in range(KEPT):
            self.save()

    def kind(self, path: str | Path) -> int:
        """The kind of a step, by its path."""
        return int(Path(path).name) % KINDS

    def save(self) -> None:
        """Writes a step under a temporary name, and renames it."""
        step, self._next = self._next, self._next + 1
        temporary = self.root / f"{step}.orbax-checkpoint-tmp"
        shutil.copytree(self._kinds / str(step % KINDS), temporary)
        temporary.rename(self.root / str(step))

    def delete(self) -> None:
        """Deletes all but the last ones, file by file."""
        names = (entry.name for entry in os.scandir(self.root))
        for step in sorted(int(name) for name in names if name.isdecimal())[:-KEPT]:
            shutil.rmtree(self.root / str(step))


def actors(places: list[Place], steps: Steps, seed: int) -> list[Callable[[], None]]:
    """What disturbs the readers: each is one turn of one, to be taken again and again."""
    rng = random.Random(seed)  # noqa: S311  no secrets
    # Each has numbers of its own: threads share none.
    turns = [(place, random.Random(rng.random())) for place in places]  # noqa: S311
    swaps = [partial(place.turn, own) for place, own in turns]
    return [*swaps, steps.save, steps.delete]
