"""Which pytree `AUTO` is: orbscan's own choice everywhere, or Orbax's everywhere."""

from __future__ import annotations

import shutil
from importlib import metadata
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as theirs
import pytest

import orbscan
import orbscan.orbax as ours
from orbscan.orbax import _release as orbax_release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETS = [
    ("pytree", "state"),
    ("alpha", "pytree", "state"),
    ("alpha", "pytree"),
    ("alpha", "state", "zeta"),
    ("beta", "alpha"),
    ("metrics_of", "state"),
]
"""Names of pytrees that are saved together."""


def saved(where: Path, names: tuple[str, ...]) -> Path:
    """A checkpoint whose pytrees have a leaf that is called like them."""
    trees = {name: {name: jnp.full((2,), float(at))} for at, name in enumerate(names)}
    theirs.save_checkpointables(where, trees)
    return where


def chosen(tree: Any) -> str:
    """The pytree that an answer is of."""
    (name,) = tree
    return str(name)


def choices(ocp: Any, path: Path) -> Iterator[str]:
    """What each function of an interface takes for `AUTO`."""
    for read in (ocp.metadata, ocp.pytree_metadata):
        yield chosen(read(path).metadata)
        yield chosen(read(path, "AUTO").metadata)
        yield chosen(read(path, checkpointable_name="AUTO").metadata)
    for load in (ocp.load, ocp.load_pytree):
        yield chosen(load(path))
        yield chosen(load(path, ocp.metadata(path)))
        yield chosen(load(path, ocp.metadata(path).metadata, checkpointable_name="AUTO"))


@pytest.mark.filterwarnings("ignore:Sharding info not provided", "ignore:Use `")
@pytest.mark.parametrize("names", SETS, ids="-".join)
def test_the_module_chooses_as_the_installed_orbax(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = saved(tmp_path / "c", names)
    expected = list(choices(theirs, path))
    assert list(choices(ours, path)) == expected
    assert len(set(expected)) == 1


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
@pytest.mark.parametrize("names", SETS, ids="-".join)
def test_all_of_them_are_found_by_name(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = saved(tmp_path / "c", names)
    for ocp in (ours, theirs):
        found = ocp.checkpointables_metadata(path).metadata
        assert {name: chosen(tree) for name, tree in found.items()} == {n: n for n in names}
        loaded = ocp.load_checkpointables(path)
        assert {name: chosen(tree) for name, tree in loaded.items()} == {n: n for n in names}


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
@pytest.mark.parametrize("name", ["a.orbax-checkpoint-tmp-1", "AUTO", "metrics"])
def test_odd_names_are_passed_over_as_by_the_installed_orbax(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / "c", ("zeta", "name"))
    shutil.move(path / "name", path / name)
    expected = chosen(theirs.load(path))
    assert chosen(ours.load(path)) == expected
    assert (
        chosen(ours.metadata(path).metadata) == expected == chosen(theirs.metadata(path).metadata)
    )


def test_a_checkpointer_and_the_module_agree(tmp_path: Path) -> None:
    trees = {name: {name: np.zeros(2)} for name in ("pytree", "state")}
    with ours.training.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save_checkpointables(0, trees)
        read = ours.metadata(tmp_path / "0").metadata
        assert chosen(read) == chosen(checkpointer.metadata(0).metadata)
        assert chosen(checkpointer.load(0, read)) == "state"


@pytest.mark.filterwarnings("ignore:Sharding info not provided")
@pytest.mark.parametrize("names", SETS, ids="-".join)
def test_what_orbscan_shows_it_also_loads(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = saved(tmp_path / "c", names)
    own = chosen(orbscan.metadata(path).metadata)
    assert own == next(name for name in ("pytree", "state", *sorted(names)) if name in names)
    assert chosen(orbscan.load(path)) == own
    assert chosen(orbscan.load(path, orbscan.metadata(path))) == own
    assert orbscan.open_array(path, (own,)).shape == (2,)
    (entry,) = orbscan.scan(path)
    assert entry.metadata is not None
    assert chosen(entry.metadata.metadata) == own


@pytest.mark.parametrize(
    ("version", "first"),
    [
        ("0.11.39", "pytree"),
        ("0.12.1", "pytree"),
        ("0.12.2", "state"),
        ("0.12.8", "state"),
        ("0.12.10.dev1", "state"),
        ("1.0", "state"),
    ],
)
def test_the_order_is_that_of_the_release(
    monkeypatch: pytest.MonkeyPatch, version: str, first: str
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: version)
    assert orbax_release.first_name.__wrapped__() == first


def test_without_orbax_the_order_is_that_of_the_latest_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert orbax_release.first_name.__wrapped__() == "state"
