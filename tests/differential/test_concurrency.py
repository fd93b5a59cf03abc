"""Reading while a manager saves and deletes steps: never a wrong answer, never a crash.

Set `ORBSCAN_ROUNDS` for more than a few steps; docs/reliability.md says how many were tried.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from operator import ge
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp

import orbscan
from tests.support.processes import HANGS

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("ORBSCAN_ROUNDS", "40"))
KEPT = 2
READERS = 2


def state(step: int) -> dict[str, Any]:
    """A tree whose shapes tell the step."""
    return {"w": np.zeros(step + 1, np.float32), "deep": {"b": np.zeros((2, step + 1), np.int8)}}


class Rounds:
    """How often each reader has looked at everything."""

    def __init__(self) -> None:
        self.over = False
        self._ended = [0] * READERS
        self._changed = threading.Condition()

    def end_one(self, reader: int) -> None:
        """Counts a round of one reader."""
        with self._changed:
            self._ended[reader] += 1
            self._changed.notify_all()

    def end_all(self) -> None:
        """Lets nobody begin another."""
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def wait_for_another(self) -> None:
        """Waits until each reader has begun and ended a round, or one has given up."""
        with self._changed:
            # The one under way has begun before.
            wanted = [ended + 2 for ended in self._ended]
            assert self._changed.wait_for(
                lambda: self.over or all(map(ge, self._ended, wanted)), HANGS
            )


def save_steps(root: Path, rounds: Rounds) -> None:
    """Saves step after step, and deletes all but the last ones; the readers do not wait for it."""
    options = ocp.CheckpointManagerOptions(max_to_keep=KEPT, enable_async_checkpointing=False)
    with ocp.CheckpointManager(root, options=options) as manager:
        for step in range(ROUNDS):
            manager.save(step, args=ocp.args.StandardSave(state(step)))
            rounds.wait_for_another()


def is_right(leaf: Any, shape: tuple[int, ...]) -> bool:
    """Whether a leaf tells the truth, or that it could not be read."""
    return isinstance(leaf, orbscan.UnreadableLeaf) or leaf.shape == shape


def read(path: Path, step: int) -> str:
    """Reads one step, whatever is just happening to it; how that ended."""
    failed: orbscan.OrbscanError | None = None
    try:
        found = orbscan.metadata(path)
    except orbscan.OrbscanError as error:
        failed = error
    if failed is not None:
        # It was deleted, or is not finished; and the error says what is missing.
        assert failed.file is not None
        assert str(path) in failed.file
        return failed.kind
    assert is_right(found.metadata["w"], (step + 1,))
    assert is_right(found.metadata["deep"]["b"], (2, step + 1))
    return "issues" if found.issues else "read"


def read_steps(root: Path, rounds: Rounds, reader: int, ended: Counter[str]) -> None:
    """Reads whatever is there until the last step was saved."""
    while not rounds.over:
        for path in sorted(root.glob("*")):
            if path.name.isdecimal():
                ended[read(path, int(path.name))] += 1
        for entry in orbscan.scan(root):
            ended["scanned"] += 1
            assert str(entry.path)
        for step in orbscan.steps(root):
            ended["listed"] += 1
            assert 0 <= step.step < ROUNDS
        rounds.end_one(reader)


def test_readers_never_meet_a_wrong_answer(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    rounds, failures = Rounds(), []
    ended: list[Counter[str]] = [Counter() for _ in range(READERS)]

    def watch(reader: int) -> None:
        try:
            read_steps(root, rounds, reader, ended[reader])
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)
        finally:
            rounds.end_all()

    readers = [threading.Thread(target=watch, args=(reader,)) for reader in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        save_steps(root, rounds)
    finally:
        rounds.end_all()
        for reader in readers:
            reader.join()
    assert failures == []
    total = sum(ended, Counter())
    print(dict(total))  # noqa: T201  how often it was put to the test
    # In each of these rounds at least the last step was there.
    assert total["read"] >= ROUNDS * READERS
    final = sorted(int(path.name) for path in root.iterdir() if path.name.isdecimal())
    assert final == list(range(ROUNDS - KEPT, ROUNDS))
    assert {read(root / str(step), step) for step in final} == {"read"}
