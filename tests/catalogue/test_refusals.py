"""What is not a catalogue, or not this one, is refused in a sentence, and left as it is."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import write_deltalake

import orbscan
from tests.catalogue.conftest import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _nothing_is_touched(tmp_path: Path) -> Iterator[None]:
    """No test changes what its `prepared` directory holds."""
    yield
    before = tmp_path / "before.json"
    if before.exists():
        assert json.loads(before.read_text()) == _listed(tmp_path / "fleet.delta")


def freeze(target: Path) -> None:
    """From here on the directory must not change."""
    (target.parent / "before.json").write_text(json.dumps(_listed(target)))


def _listed(target: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(target.rglob("*"))}


def refusal(target: Path, *roots: Path | str, **options: object) -> str:
    with pytest.raises(ValueError, match=r".") as raised:
        orbscan.update_catalogue(target, roots, **options)  # type: ignore[arg-type]
    return str(raised.value)


def test_a_delta_table_of_another_program(fleet: Path, target: Path) -> None:
    write_deltalake(target, pa.table({"path": ["x"]}), name="mine")
    freeze(target)
    told = f"{target}: is a Delta table that was written by something else, not a catalogue"
    assert refusal(target, fleet).startswith(told)
    with pytest.raises(ValueError, match="written by something else"):
        orbscan.open_catalogue(target)


@pytest.mark.parametrize("before", ["schema version 1", "schema version 2"])
def test_a_catalogue_of_another_release(fleet: Path, target: Path, before: str) -> None:
    # The first lacks columns.
    name = f"orbscan catalogue, {before}"
    write_deltalake(target, pa.table({"path": ["x"]}), name=name)
    freeze(target)
    assert refusal(target, fleet) == (
        f"{target}: is a catalogue of another release of orbscan ({name}), and this one writes"
        " schema version 1: make it anew beside it"
    )


def test_a_directory_of_something_else(fleet: Path, target: Path) -> None:
    (target / "photos").mkdir(parents=True)
    freeze(target)
    assert refusal(target, fleet) == (
        f"{target}: is a directory with other files ('photos'), not a catalogue: name one that"
        " does not exist"
    )


def test_a_file(fleet: Path, target: Path) -> None:
    target.write_text("x")
    with pytest.raises(orbscan.StoreError, match=f"{target}: the catalogue cannot be read"):
        orbscan.update_catalogue(target, fleet)
    assert target.read_text() == "x"


def test_a_target_below_what_does_not_exist(fleet: Path, tmp_path: Path) -> None:
    with pytest.raises(orbscan.StoreError, match="No such file or directory"):
        orbscan.update_catalogue(tmp_path / "none" / "fleet.delta", fleet)
    assert not (tmp_path / "none").exists()


def test_another_root(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet / "a")
    freeze(target)
    assert refusal(target, fleet / "b") == (
        f"{target}: is a catalogue of {fleet / 'a'}, not of {fleet / 'b'}: add it with add_roots"
        " (--add-roots), or name another catalogue"
    )


def test_a_root_that_is_to_be_added(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet / "a")
    orbscan.update_catalogue(target, fleet / "b", add_roots=True)
    check(target, fleet / "a", fleet / "b")
    # Each of them can be updated alone.
    shutil.rmtree(fleet / "a" / "10")
    shutil.rmtree(fleet / "b" / "10")
    assert orbscan.update_catalogue(target, fleet / "a").gone == 1
    assert orbscan.update_catalogue(target, fleet / "b").gone == 1
    check(target, fleet / "a", fleet / "b")


def test_other_options(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet, shardings=False)
    freeze(target)
    assert refusal(target, fleet) == (
        f"{target}: was made with shardings=False of {fleet}, and is updated with the same, not"
        " with True"
    )


def test_roots_in_one_another(fleet: Path, target: Path) -> None:
    assert refusal(target, fleet, fleet / "a") == (
        f"{fleet / 'a'}: {fleet / 'a'} lies in {fleet}, which {fleet} stands for: a catalogue has"
        " each checkpoint once"
    )
    assert not target.exists()
    orbscan.update_catalogue(target, fleet / "*")
    freeze(target)
    told = f"{fleet / 'a'}: {fleet / 'a'} lies in {fleet / 'a'}, which {fleet / '*'} stands for"
    assert told in refusal(target, fleet / "a", add_roots=True)


def test_a_catalogue_in_a_root(fleet: Path) -> None:
    inside = fleet / "a" / "fleet.delta"
    assert refusal(inside, fleet) == (
        f"{inside}: lies in {fleet}, which is searched for checkpoints: put the catalogue beside it"
    )
    assert not inside.exists()


def test_roots_that_do_not_exist(fleet: Path, target: Path) -> None:
    orbscan.update_catalogue(target, fleet)
    freeze(target)
    fleet.rename(fleet.with_name("away"))
    for root in (fleet, fleet / "*"):
        with pytest.raises(orbscan.CheckpointNotFoundError) as raised:
            orbscan.update_catalogue(target, root)
        assert str(raised.value) == f"{root}: does not exist, and the catalogue is left as it is"


def test_what_a_catalogue_settles_by_itself(fleet: Path, target: Path) -> None:
    assert refusal(target, fleet, since="x", ordered=True).startswith("since, ordered: a catalogue")
    with pytest.raises(ValueError, match="latest must be at least 1"):
        orbscan.update_catalogue(target, fleet, latest=0)
    with pytest.raises(TypeError):
        orbscan.update_catalogue(target, fleet, lastest=1)  # type: ignore[call-arg]
    assert not target.exists()


def test_nothing_there_to_open(target: Path) -> None:
    with pytest.raises(orbscan.CheckpointNotFoundError, match="there is no catalogue: make it"):
        orbscan.open_catalogue(target)
