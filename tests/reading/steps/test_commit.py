"""What is committed, beside the functions of Orbax that decide it."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any, cast

import pytest
from orbax.checkpoint import options
from orbax.checkpoint._src.path import temporary_paths

import orbscan
from orbscan import _core
from orbscan.reading.step_choice import ATOMICITIES
from tests.reading.steps.support import write_step

if TYPE_CHECKING:
    from pathlib import Path

    from orbscan.aliases import Atomicity

MODES = options.AtomicityMode
ORBAX: dict[Atomicity, options.AtomicityOptions | None] = {
    "auto": None,
    "atomic_rename": options.AtomicityOptions(MODES.ATOMIC_RENAME),
    "commit_file": options.AtomicityOptions(MODES.COMMIT_FILE),
    "commit_file_or_atomic_rename": options.AtomicityOptions(
        MODES.COMMIT_FILE, allow_legacy_atomic_rename=True
    ),
}
NAMES = (
    "7",
    "step_007",
    "7.orbax-checkpoint-tmp",
    "step_007.orbax-checkpoint-tmp-3",
    "7.orbax-checkpoint-tmp-1700000000000000",
    "7.partial_save.orbax-checkpoint-tmp",
)


def verdict(path: Path, atomicity: Atomicity) -> tuple[bool, bool]:
    chosen = ORBAX[atomicity]
    finalized = temporary_paths.is_path_finalized(path, atomicity_options=chosen)
    temporary = temporary_paths.is_path_temporary(path, atomicity_options=chosen)
    return asyncio.run(finalized), asyncio.run(temporary)


@pytest.mark.parametrize("atomicity", ORBAX)
def test_a_step_is_committed_exactly_if_orbax_takes_it_for_finalized(
    atomicity: Atomicity, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    asked = 0
    for at, (name, marked, link) in enumerate(
        itertools.product(NAMES, (False, True), (False, True))
    ):
        root = tmp_path / str(at)
        root.mkdir()
        target = write_step(elsewhere / str(at) if link else root, name)
        if marked:
            (target / "commit_success.txt").touch()
        if link:
            (root / name).symlink_to(target, target_is_directory=True)
        (found,) = orbscan.steps(root, atomicity=atomicity)
        assert (found.committed, found.temporary) == verdict(root / name, atomicity), (name, found)
        asked += 1
    assert asked == 24


def test_a_partial_save_is_not_committed_since_orbax_can_neither_list_nor_read_it(
    tmp_path: Path,
) -> None:
    write_step(tmp_path / "7.partial_save", "7.partial_save.pending_1_ab")
    (found,) = orbscan.steps(tmp_path)
    assert (found.step, found.committed, found.temporary) == (7, False, False)
    assert found.commit_reason == "it is a partial save that was never finalized"


def test_the_reason_tells_when_the_timestamps_say_otherwise(tmp_path: Path) -> None:
    write_step(tmp_path, "1", committed=False)
    write_step(tmp_path, "2")
    write_step(tmp_path, "3.orbax-checkpoint-tmp")
    write_step(tmp_path, "4.orbax-checkpoint-tmp", committed=False)
    assert [step.commit_reason for step in orbscan.steps(tmp_path)] == [
        "its name has no temporary suffix, but no commit timestamp is recorded",
        "its name has no temporary suffix",
        "its name is temporary, but a commit timestamp is recorded",
        "its name is temporary",
    ]


def test_a_temporary_name_is_never_chosen_whatever_commits_it(tmp_path: Path) -> None:
    for name in ("6", "7.orbax-checkpoint-tmp"):
        step = write_step(tmp_path, name, {"loss": float(name[0])})
        (step / "commit_success.txt").touch()
    found = orbscan.steps(tmp_path, atomicity="commit_file")
    assert [step.committed for step in found] == [True, True]
    assert orbscan.latest(tmp_path, atomicity="commit_file").step == 6
    assert orbscan.best(tmp_path, "loss", atomicity="commit_file").step == 6


def test_the_modes_of_orbax_itself_are_understood(tmp_path: Path) -> None:
    write_step(tmp_path, "1")
    committed = {mode: orbscan.steps(tmp_path, atomicity=mode.value)[0].committed for mode in MODES}
    assert committed == {MODES.AUTO: True, MODES.ATOMIC_RENAME: True, MODES.COMMIT_FILE: False}


def test_the_rules_are_those_of_the_extension_module() -> None:
    assert ("auto", *_core.ATOMICITIES) == ATOMICITIES == tuple(ORBAX)


def test_another_mode_is_refused_with_the_modes_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'auto', 'atomic_rename', 'commit_file'"):
        orbscan.steps(tmp_path, atomicity="rename")  # type: ignore[arg-type]


def test_another_mode_is_a_wrong_argument_and_no_fault_of_a_file(tmp_path: Path) -> None:
    write_step(tmp_path, "1")
    root, other = str(tmp_path), cast("Any", "rename")
    for call in (
        lambda: _core.read_steps(root, "latest", None, other),
        lambda: _core.find_step(root, "latest", None, other),
        lambda: _core.scan([root], atomicity=other),
    ):
        with pytest.raises(ValueError, match="not one of atomic_rename, commit_file") as raised:
            call()
        assert raised.type is ValueError
