"""A catalogue that was brought up to date is as one made from scratch, and little is written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import orbscan
from orbscan.catalogue import commit
from orbscan.catalogue.found import Found
from tests.catalogue.conftest import check, files, rows

if TYPE_CHECKING:
    from pathlib import Path


def test_it_has_the_rows_of_both_tables_in_their_columns(fleet: Path, target: Path) -> None:
    done = orbscan.update_catalogue(target, fleet)
    assert done == (0, 6, 0, 0, 1)
    catalogue = check(target, fleet)
    assert catalogue.version == 0
    assert catalogue.roots == (str(fleet),)
    for table in ("leaves", "checkpoints"):
        columns = pa.schema(orbscan.schema(table))
        assert getattr(catalogue, table)().schema.equals(columns, check_metadata=True)


def test_what_has_not_changed_makes_no_version(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    before = {*target.rglob("*")}
    # Of these one is damaged and one unfinished, so that both are read again.
    assert orbscan.update_catalogue(target, fleet) == (0, 0, 0, 6, 1)
    assert {*target.rglob("*")} == before


def test_what_is_new_is_added_and_all_else_left_where_it_is(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    before = files(target)
    shutil.copytree(fleet / "a" / "30", fleet / "a" / "40")
    assert orbscan.update_catalogue(target, fleet) == (1, 1, 0, 6, 1)
    check(target, fleet)
    assert before < files(target)
    assert len(files(target) - before) == 2


def test_what_has_changed_or_is_gone_is_taken_out_in_one_version(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    shutil.rmtree(fleet / "a" / "10")
    (fleet / "b" / "30.orbax-checkpoint-tmp").rename(fleet / "b" / "30")
    (fleet / "b" / "20").rename(fleet / "b" / "25")
    state = next((fleet / "a" / "20").rglob("_METADATA"))
    state.write_text(state.read_text() + " ")
    shutil.copytree(fleet / "a" / "30", fleet / "c" / "10")
    assert orbscan.update_catalogue(target, fleet) == (1, 4, 3, 2, 1)
    check(target, fleet)


def test_a_group_that_loses_nothing_is_not_written_again(fleet: Path, target: Path) -> None:
    for run in ("a", "b"):
        orbscan.update_catalogue(target, fleet, match=f"{run}/**")
    first, second = _groups(target)
    shutil.rmtree(fleet / "b" / "10")
    orbscan.update_catalogue(target, fleet)
    check(target, fleet)
    left = files(target)
    assert first <= left
    assert not second & left
    # Neither are those of which nothing is left.
    shutil.rmtree(fleet / "a")
    orbscan.update_catalogue(target, fleet)
    check(target, fleet)
    assert files(target) == left - first


def _groups(target: Path) -> tuple[set[str], set[str]]:
    everything = files(target)
    old = {*orbscan.open_catalogue(target, version=0)._state.files}
    return everything & old, everything - old


def test_small_groups_become_one_when_there_are_many(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "_LOOSE", 4)
    counts = []
    for step in range(40, 110, 10):
        orbscan.update_catalogue(target, fleet)
        counts.append(len(files(target)) // 2)
        shutil.copytree(fleet / "a" / "30", fleet / "a" / str(step))
    assert counts == [1, 2, 3, 4, 2, 3, 4]
    orbscan.update_catalogue(target, fleet)
    check(target, fleet)


def test_what_is_not_wanted_now_stays(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    shutil.rmtree(fleet / "a" / "10")
    shutil.copytree(fleet / "a" / "30", fleet / "a" / "40")
    done = orbscan.update_catalogue(target, fleet, latest=1, committed=True)
    assert (done.changed, done.gone) == (1, 1)
    check(target, fleet)


def test_what_is_no_checkpoint_any_more_is_taken_out(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    (fleet / "a").rename(fleet / "runs")
    shutil.rmtree(fleet / "runs" / "10")
    (fleet / "runs" / "10").mkdir()
    shutil.rmtree(fleet / "b")
    (fleet / "b" / "10").mkdir(parents=True)
    orbscan.update_catalogue(target, fleet)
    check(target, fleet)


def test_what_lies_below_something_that_cannot_be_looked_at_keeps_its_rows(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbscan.update_catalogue(target, fleet)
    before = rows(orbscan.leaf_table(fleet))
    real = Found.write

    def blind(found: Found, *arguments: Any) -> None:
        real(found, *arguments)
        # As a scan tells it of a directory that may not be read.
        found.unseen.append(str(fleet / "b"))
        found.gone.clear()

    monkeypatch.setattr(Found, "write", blind)
    shutil.move(fleet / "b", fleet.parent / "away")
    assert orbscan.update_catalogue(target, fleet).gone == 0
    assert rows(orbscan.open_catalogue(target).leaves()) == before
    monkeypatch.undo()
    assert orbscan.update_catalogue(target, fleet).gone == 3
    check(target, fleet)


def test_a_root_that_a_pattern_stood_for_once_takes_its_rows_along(
    fleet: Path, target: Path
) -> None:
    orbscan.update_catalogue(target, fleet / "*")
    shutil.rmtree(fleet / "a")
    shutil.copytree(fleet / "b", fleet / "c")
    assert orbscan.update_catalogue(target, fleet / "*").gone == 3
    check(target, fleet / "b", fleet / "c")
    assert orbscan.open_catalogue(target).roots == (str(fleet / "*"),)


def test_leaves_that_became_readable_are_read_though_nothing_else_changed(
    fleet: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orbscan.update_catalogue(target, fleet)
    text = next((fleet / "b" / "10").rglob("_METADATA"))
    shutil.copy(text, fleet / "b" / "20" / text.relative_to(fleet / "b" / "10"))
    monkeypatch.chdir(fleet)
    assert orbscan.update_catalogue(target, ".").incomplete == 0
    check(target, fleet)


def test_shares_update_their_own(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    shutil.rmtree(fleet / "a" / "10")
    shutil.rmtree(fleet / "b" / "10")
    shutil.copytree(fleet / "a" / "30", fleet / "c" / "1")
    shares = [orbscan.update_catalogue(target, fleet, shard=(index, 5)) for index in range(5)]
    assert sum(done.gone for done in shares) == 2
    assert sum(done.changed for done in shares) == 1
    check(target, fleet)


def test_an_older_state_can_be_read_until_it_is_cleaned_up(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    before = rows(orbscan.leaf_table(fleet))
    held = orbscan.open_catalogue(target)
    shutil.rmtree(fleet / "a")
    orbscan.update_catalogue(target, fleet)
    assert rows(held.leaves()) == before
    older = orbscan.open_catalogue(target, version=0)
    assert older.version == 0
    assert rows(older.leaves()) == before
    newest = check(target, fleet)
    assert [made.version for made in newest.versions()] == [1, 0]
    assert newest.vacuum() == []
    assert len(newest.vacuum(days=0)) == 2
    check(target, fleet)
    with pytest.raises(orbscan.StoreError, match="version 0 was cleaned up"):
        orbscan.open_catalogue(target, version=0)
    with pytest.raises(ValueError, match="has no version 7: the newest is"):
        orbscan.open_catalogue(target, version=7)
    with pytest.raises(ValueError, match="days must not be negative"):
        newest.vacuum(days=-1)


def test_files_of_another_program_are_taken_as_they_are(fleet: Path, target: Path) -> None:
    from deltalake import DeltaTable

    for run in ("a", "b"):
        orbscan.update_catalogue(target, fleet, match=f"{run}/**")
    compacted: dict[str, Any] = DeltaTable(target).optimize.compact()
    assert compacted["numFilesRemoved"] == 4
    shutil.rmtree(fleet / "a" / "10")
    assert orbscan.update_catalogue(target, fleet).gone == 1
    check(target, fleet)
