"""The functions of `orbscan.orbax` follow the active context, as those of Orbax do."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint.experimental.v1 as theirs
import pytest
from etils import epath

import orbscan
import orbscan.orbax as ocp
from tests.support.processes import apart, python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYOUTS = ocp.options.CheckpointLayout
MODES = ocp.options.AtomicityMode


class Pair(NamedTuple):
    """Two arrays."""

    left: jax.Array
    right: jax.Array


def context(change: Callable[[Any], None] = lambda _: None) -> Any:
    """A context with some options changed."""
    made = theirs.Context()
    change(made)
    return made


def with_layout(layout: Any) -> Any:
    return context(lambda made: setattr(made, "checkpoint_layout", layout))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a tree with a namedtuple, saved with rich types."""
    found = tmp_path_factory.mktemp("context") / "c"
    with rich():
        theirs.save(found, {"pair": Pair(jnp.ones(2), jnp.zeros(3)), "two": (1, 2)})
    return found


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A safetensors file."""
    from safetensors.numpy import save_file

    save_file({"w": np.arange(4, dtype=np.float32)}, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def rich() -> Any:
    def change(made: Any) -> None:
        from orbax.checkpoint._src.metadata import tree

        options = tree.PyTreeMetadataOptions(support_rich_types=True)
        made.pytree.saving.pytree_metadata_options = options

    return context(change)


def outcome(ask: Callable[[], Any]) -> Any:
    """What a call gives, or the classes of Orbax and Python that its error has."""
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - compared with what Orbax raises
        known = (ocp.errors.InvalidLayoutError, NotImplementedError, KeyError, ValueError, OSError)
        return next(kind for kind in known if isinstance(error, kind))


@pytest.mark.parametrize("layout", [LAYOUTS.ORBAX, LAYOUTS.SAFETENSORS, LAYOUTS.AUTO])
@apart
def test_a_layout_that_is_demanded_is_the_only_one(path: Path, weights: Path, layout: Any) -> None:
    with with_layout(layout):
        for place in (path, weights, path.parent):
            for name in ("metadata", "load", "checkpointables_metadata", "is_orbax_checkpoint"):
                asked = [outcome(lambda: getattr(of, name)(place)) for of in (theirs, ocp)]  # noqa: B023
                wanted, got = [getattr(each, "metadata", each) for each in asked]
                same = jax.tree.map(lambda left, right: bool(np.all(left == right)), wanted, got)
                assert jax.tree.all(same), (name, place)


@apart
def test_safetensors_are_refused_as_a_composite_checkpoint(weights: Path) -> None:
    with with_layout(LAYOUTS.SAFETENSORS), pytest.raises(NotImplementedError):
        ocp.checkpointables_metadata(weights)


def test_leaves_of_safetensors_are_those_of_orbax(weights: Path) -> None:
    with with_layout(LAYOUTS.SAFETENSORS):
        expected = theirs.metadata(weights).metadata
        assert ocp.metadata(weights).metadata == expected
    assert type(ocp.metadata(weights).metadata["w"]) is jax.ShapeDtypeStruct
    assert orbscan.to_orbax(orbscan.metadata(weights)).metadata == expected


def test_rich_types_are_read_where_the_context_wants_them(path: Path) -> None:
    with rich():
        wanted, got = theirs.metadata(path).metadata, ocp.metadata(path).metadata
        # Each makes a class of its own for the namedtuple.
        assert str(jax.tree.structure(got)) == str(jax.tree.structure(wanted))
        assert got["pair"]._fields == wanted["pair"]._fields
        named = ocp.checkpointables_metadata(path).metadata["state"]
        assert str(jax.tree.structure(named)) == str(jax.tree.structure(got))
    assert got["pair"].left.shape == (2,)
    assert isinstance(ocp.metadata(path).metadata["pair"], dict)


class Alias(type(epath.Path())):  # type: ignore[misc]
    """A path that lies somewhere else than it says."""

    made = 0
    target = ""

    def __new__(cls, *parts: Any) -> Any:
        Alias.made += 1
        words = [str(part).replace("/alias", Alias.target, 1) for part in parts]
        return epath.Path(*words)


@apart
def test_a_class_of_paths_is_followed(path: Path) -> None:
    Alias.target = str(path.parent)
    with context(lambda made: setattr(made.file, "path_class", Alias)):
        for of in (theirs, ocp):
            Alias.made = 0
            assert of.is_orbax_checkpoint("/alias/c")
            assert list(of.metadata("/alias/c").metadata) == ["pair", "two"]
            assert list(of.checkpointables_metadata("/alias/c").metadata) == ["state"]
            assert of.load("/alias/c")["two"] == [1, 2]
            assert of.load_checkpointables("/alias/c")["state"]["two"] == [1, 2]
            assert Alias.made >= 5


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("legacy", [False, True])
@apart
def test_what_makes_a_checkpoint_a_finished_one_is_followed(
    path: Path, tmp_path: Path, mode: Any, *, legacy: bool
) -> None:
    marked = tmp_path / "marked"
    shutil.copytree(path, marked)
    (marked / "commit_success.txt").touch()

    def change(made: Any) -> None:
        made.atomicity.mode = mode
        made.atomicity.allow_legacy_atomic_rename = legacy

    with context(change):
        for place in (path, marked):
            answers = [
                [
                    of.is_orbax_checkpoint(place),
                    isinstance(outcome(lambda: of.metadata(place)), type),  # noqa: B023
                    isinstance(outcome(lambda: of.load(place)), type),  # noqa: B023
                ]
                for of in (theirs, ocp)
            ]
            assert answers[0] == answers[1]


def test_an_option_of_another_release_is_left_to_orbax(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orbscan.reading import orbax_context

    asked: list[Any] = []
    monkeypatch.setattr(orbax_context, "_ATOMICITIES", {})
    answer = theirs.metadata(path)

    def asking(*given: Any) -> Any:
        asked.append(given)
        return answer

    monkeypatch.setattr(theirs, "metadata", asking)
    with context():
        assert ocp.metadata(path).metadata is answer.metadata
    assert asked == [(path, "AUTO")]


def test_a_context_of_another_thread_is_not_followed(path: Path) -> None:
    import threading

    found: list[Any] = []
    with rich():
        thread = threading.Thread(target=lambda: found.append(ocp.metadata(path).metadata["pair"]))
        thread.start()
        thread.join()
    assert isinstance(found[0], dict)


def test_nothing_of_orbax_is_loaded_for_a_context_that_cannot_be(path: Path) -> None:
    program = f"""
        import sys
        import orbscan.orbax as ocp
        read = ocp.metadata({str(path)!r}).metadata
        print(read["two"], read["pair"]["left"].shape, "orbax" in sys.modules, "jax" in sys.modules)
    """
    assert python(program) == "[0, 0] (2,) False False\n"
