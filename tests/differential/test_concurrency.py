"""Reading while a manager saves and deletes steps: never a wrong answer, never a crash.

Set `ORBSCAN_ROUNDS` for more than a few steps; docs/reliability.md says how many were tried.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import orbax.checkpoint as ocp

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = int(os.environ.get("ORBSCAN_ROUNDS", "40"))
KEPT = 2
READERS = 2


def state(step: int) -> dict[str, Any]:
    """A tree whose shapes tell the step."""
    return {"w": np.zeros(step + 1, np.float32), "deep": {"b": np.zeros((2, step + 1), np.int8)}}


def save_steps(root: Path) -> None:
    """Saves step after step, and deletes all but the last ones."""
    options = ocp.CheckpointManagerOptions(max_to_keep=KEPT, enable_async_checkpointing=False)
    with ocp.CheckpointManager(root, options=options) as manager:
        for step in range(ROUNDS):
            manager.save(step, args=ocp.args.StandardSave(state(step)))


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


def read_steps(root: Path, done: threading.Event, ended: Counter[str]) -> None:
    """Reads whatever is there until the last step was saved."""
    while not done.is_set():
        for path in sorted(root.glob("*")):
            if path.name.isdecimal():
                ended[read(path, int(path.name))] += 1
        for entry in orbscan.scan(root):
            ended["scanned"] += 1
            assert entry.path
        for step in orbscan.steps(root):
            ended["listed"] += 1
            assert 0 <= step.step < ROUNDS


def test_readers_never_meet_a_wrong_answer(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    done, failures = threading.Event(), []
    ended: list[Counter[str]] = [Counter() for _ in range(READERS)]

    def watch(counter: Counter[str]) -> None:
        try:
            read_steps(root, done, counter)
        except BaseException as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)

    readers = [threading.Thread(target=watch, args=(counter,)) for counter in ended]
    for reader in readers:
        reader.start()
    try:
        save_steps(root)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert failures == []
    total = sum(ended, Counter())
    print(dict(total))  # noqa: T201  how often it was put to the test
    assert total["read"] > ROUNDS
    final = sorted(int(path.name) for path in root.iterdir() if path.name.isdecimal())
    assert final == list(range(ROUNDS - KEPT, ROUNDS))
    assert {read(root / str(step), step) for step in final} == {"read"}
