"""Several writers at once, and some that do not come to an end: a reader sees whole states only."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

import orbscan
from orbscan.catalogue.lake import Lake
from tests.catalogue.conftest import check, files, rows
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

_SHARE = """
import sys, orbscan
sys.stdin.readline()
orbscan.update_catalogue(sys.argv[1], sys.argv[2], shard=(int(sys.argv[3]), 3))
"""
_ROOT = """
import sys, orbscan
sys.stdin.readline()
orbscan.update_catalogue(sys.argv[1], f"{sys.argv[2]}/{'abc'[int(sys.argv[3])]}", add_roots=True)
"""
_KILLED = """
import os, signal, sys, orbscan
from orbscan.catalogue.lake import Lake
Lake.commit = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
orbscan.update_catalogue(sys.argv[1], sys.argv[2])
"""
_FULL = """
import resource, sys, orbscan
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    orbscan.update_catalogue(sys.argv[1], sys.argv[2])
except orbscan.StoreError as error:
    print(error)
"""


def at_once(program: str, *arguments: object) -> None:
    """Runs three processes, which begin when all of them are there."""
    words = [sys.executable, "-c", program, *map(str, arguments)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen([*words, str(index)], stdin=subprocess.PIPE)  # noqa: S603 - our own
            )
            for index in range(3)
        ]
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        assert [process.wait(processes.HANGS) for process in started] == [0, 0, 0]


def grow(fleet: Path) -> None:
    """Some are gone, and some are new."""
    shutil.rmtree(fleet / "a" / "10")
    for run in ("b", "c"):
        shutil.copytree(fleet / "a" / "20", fleet / run / "50")


def test_three_shares_at_once_make_and_update_one_catalogue(fleet: Path, target: Path) -> None:
    at_once(_SHARE, target, fleet)
    check(target, fleet)
    grow(fleet)
    at_once(_SHARE, target, fleet)
    check(target, fleet)


def test_three_roots_at_once_make_one_catalogue(fleet: Path, target: Path) -> None:
    grow(fleet)
    at_once(_ROOT, target, fleet)
    catalogue = check(target, *(fleet / run for run in "abc"))
    assert catalogue.roots == tuple(str(fleet / run) for run in "abc")


@pytest.fixture
def overtaken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets somebody else commit right before the next commit, once."""

    def overtake(act: Callable[[], object]) -> None:
        commit = Lake.commit

        def slower(lake: Lake, *arguments: Any) -> int:
            monkeypatch.setattr(Lake, "commit", commit)
            act()
            return commit(lake, *arguments)

        monkeypatch.setattr(Lake, "commit", slower)

    return overtake


def test_a_writer_that_was_overtaken_looks_again(
    fleet: Path, target: Path, overtaken: Callable[[Callable[[], object]], None]
) -> None:
    overtaken(lambda: orbscan.update_catalogue(target, fleet))
    # Both have found everything: each checkpoint has its rows once.
    assert orbscan.update_catalogue(target, fleet).version == 1
    check(target, fleet)

    def other() -> None:
        shutil.rmtree(fleet / "a" / "10")
        shutil.copytree(fleet / "a" / "20", fleet / "c" / "50")
        # This one does not look at what the slower one has seen.
        orbscan.update_catalogue(target, fleet, exclude="b")

    overtaken(other)
    shutil.rmtree(fleet / "b" / "10")
    assert orbscan.update_catalogue(target, fleet).version == 3
    check(target, fleet)


def test_a_commit_that_arrived_though_it_seemed_to_fail_is_not_made_twice(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbscan.update_catalogue(target, fleet)
    grow(fleet)
    real = DeltaTable.create_write_transaction

    def unanswered(table: DeltaTable, *arguments: Any, **named: Any) -> None:
        real(table, *arguments, **named)
        message = "no answer"
        raise DeltaError(message)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", unanswered)
    assert orbscan.update_catalogue(target, fleet).version == 1
    check(target, fleet)


def test_a_writer_that_is_killed_before_it_commits_leaves_the_former_state(
    fleet: Path, target: Path
) -> None:
    earlier = None
    for version in (0, 1):
        before = {*target.rglob("*.parquet")}
        killed = processes.run([sys.executable, "-c", _KILLED, target, fleet])
        assert killed.returncode == -signal.SIGKILL
        left = {*target.rglob("*.parquet")} - before
        assert left
        if earlier is not None:
            assert rows(orbscan.open_catalogue(target).leaves()) == earlier
        assert orbscan.update_catalogue(target, fleet).version == version
        catalogue = check(target, fleet)
        earlier = rows(catalogue.leaves())
        assert not {str(path.relative_to(target)) for path in left} & {*catalogue._state.files}
        shutil.copytree(fleet / "a" / "20", fleet / "a" / f"4{version}")
    for path in left:
        os.utime(path, (0, 0))
    # What it has left is deleted when nobody can be writing it any more.
    deleted = orbscan.open_catalogue(target).vacuum(days=1)
    assert {*deleted} == {str(path.relative_to(target)) for path in left}
    assert not any(path.exists() for path in left)


def test_a_full_disk_leaves_the_former_state_and_none_of_the_new_files(
    fleet: Path, target: Path
) -> None:
    orbscan.update_catalogue(target, fleet)
    before, earlier = files(target), rows(orbscan.leaf_table(fleet))
    everything = {*target.rglob("*.parquet")}
    grow(fleet)
    said = processes.python(_FULL, target, fleet, 2_000)
    assert said.startswith(f"{target}: the catalogue cannot be read or written: ")
    assert "File too large" in said
    assert files(target) == before
    assert rows(orbscan.open_catalogue(target).leaves()) == earlier
    assert {*target.rglob("*.parquet")} == everything
    assert orbscan.update_catalogue(target, fleet).version == 1
    check(target, fleet)


def test_a_commit_that_fails_leaves_the_former_state_and_none_of_the_new_files(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbscan.update_catalogue(target, fleet)
    everything = {*target.rglob("*")}
    grow(fleet)

    def full(*_: object, **__: object) -> None:
        message = "No space left\non device"
        raise DeltaError(message)

    monkeypatch.setattr(DeltaTable, "create_write_transaction", full)
    with pytest.raises(orbscan.StoreError) as raised:
        orbscan.update_catalogue(target, fleet)
    assert str(raised.value) == (
        f"{target}: the catalogue cannot be read or written: No space left on device"
    )
    assert {*target.rglob("*")} == everything


def test_ctrl_c_leaves_the_former_state(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbscan.update_catalogue(target, fleet)
    everything = {*target.rglob("*")}
    grow(fleet)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lake, "commit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        orbscan.update_catalogue(target, fleet)
    assert {*target.rglob("*")} == everything


def test_a_reader_beside_writers_sees_both_tables_of_one_state(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    for step in range(100, 105):
        catalogue = orbscan.open_catalogue(target)
        checkpoints = catalogue.checkpoints().to_table(columns=["path", "leaves"])
        shutil.copytree(fleet / "a" / "20", fleet / "a" / str(step))
        orbscan.update_catalogue(target, fleet)
        leaves: pa.Table = catalogue.leaves().to_table(columns=["path", "keypath"])
        counted = leaves.group_by("path").aggregate([("keypath", "count")]).to_pylist()
        told = {row["path"]: row["leaves"] for row in checkpoints.to_pylist() if row["leaves"]}
        assert {
            row["path"]: row["keypath_count"] for row in counted if row["keypath_count"]
        } == told
