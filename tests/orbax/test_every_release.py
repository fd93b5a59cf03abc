"""What must hold with every release of Orbax that orbscan answers for: this file runs with each.

It uses nothing that only some of them have. `make test-matrix` runs it with all of them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
import pytest
from etils import epath
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from orbax.checkpoint._src.handlers import base_pytree_checkpoint_handler

import orbscan.orbax
from orbscan.orbax import _tested
from tests.restoring.v0 import facts, leaves
from tests.support import corpus
from tests.support.processes import apart

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HANDLER = base_pytree_checkpoint_handler.BasePyTreeCheckpointHandler
THEIRS = HANDLER.metadata


def tree() -> dict[str, Any]:
    mesh = Mesh(np.array(jax.devices()).reshape(4, 2), ("x", "y"))

    def laid(value: Any, *spec: Any) -> jax.Array:
        laid_out: jax.Array = jax.device_put(value, NamedSharding(mesh, PartitionSpec(*spec)))
        return laid_out

    return {
        "params": {
            "kernel": laid(jnp.ones((8, 16)), "x", "y"),
            "bias": laid(jnp.ones((8,), jnp.bfloat16), ("x", "y")),
            "scale": laid(jnp.ones((4, 4), jnp.float16)),
        },
        "layers": [{"w": jnp.ones((4, 4))}, {"w": jnp.zeros((4, 4))}],
        "numpy": np.arange(6, dtype=np.float64).reshape(2, 3),
        "step": 41,
        "count": np.int32(3),
        "rate": 0.5,
        "nothing": None,
        "empty": {},
        "no_items": [],
    }


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint by this release."""
    found = tmp_path_factory.mktemp("release") / "c"
    with ocp.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(found, tree())
    return found


def pytrees(cases: Iterable[corpus.Case], folder: Path) -> list[Path]:
    """The directories of the pytrees in checkpoints, which are unpacked into a folder."""
    for case in cases:
        corpus.unpack(case.archive, folder)
    return sorted(file.parent for file in folder.rglob("_METADATA"))


def answer(directory: Path) -> Any:
    """What the handler says, as facts; of a refusal its class."""
    try:
        return facts(HANDLER().metadata(epath.Path(directory)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it shall be the same
        # Which of many arrays the text names is chance.
        return type(error)


def test_the_release_is_known() -> None:
    assert _tested.digest() in _tested.RELEASES.values()
    assert _tested.handler_of_pytrees() is HANDLER


def test_what_this_release_saves_is_answered_in_the_same_words(path: Path) -> None:
    wanted = answer(path)
    before = orbscan.orbax.answered()
    with orbscan.orbax.patched():
        assert answer(path) == wanted
    after = orbscan.orbax.answered()
    assert after.by_orbscan == before.by_orbscan + 1
    assert after.by_orbax == before.by_orbax
    assert HANDLER.metadata is THEIRS


@apart
def test_every_golden_checkpoint_is_answered_in_the_same_words(tmp_path: Path) -> None:
    golden = pytrees(corpus.golden_cases(), tmp_path)
    assert len(golden) > 200
    before = orbscan.orbax.answered()
    wanted = {directory: answer(directory) for directory in golden}
    with orbscan.orbax.patched():
        wrong = {each: said for each, said in wanted.items() if answer(each) != said}
    assert wrong == {}, wrong
    after = orbscan.orbax.answered()
    ours = after.by_orbscan - before.by_orbscan
    theirs = sum(after.by_orbax.values()) - sum(before.by_orbax.values())
    assert ours + theirs == len(golden)
    # The others have faults, values in a file of their own, or namedtuples.
    assert ours > 0.6 * len(golden), after


def test_a_restore_by_metadata_gives_the_same(path: Path) -> None:
    def restored() -> Any:
        with ocp.PyTreeCheckpointer() as checkpointer:
            found = checkpointer.metadata(path)
            found = getattr(found, "item_metadata", found)
            plain = getattr(found, "tree", found)
            args = ocp.checkpoint_utils.construct_restore_args(plain)
            return args, checkpointer.restore(
                path, args=ocp.args.PyTreeRestore(item=plain, restore_args=args)
            )

    wanted_args, wanted = restored()
    with orbscan.orbax.patched():
        args, got = restored()
    assert args == wanted_args
    assert str(jax.tree.structure(got)) == str(jax.tree.structure(wanted))
    for ours, theirs in zip(leaves(got), leaves(wanted), strict=True):
        assert type(ours) is type(theirs)
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
        assert getattr(ours, "sharding", None) == getattr(theirs, "sharding", None)


def test_a_manager_answers_the_same(tmp_path: Path) -> None:
    with ocp.CheckpointManager(tmp_path, item_names=("params", "opt")) as manager:
        for step in (1, 2):
            manager.save(
                step,
                args=ocp.args.Composite(
                    params=ocp.args.StandardSave({"w": jnp.ones(3)}),
                    opt=ocp.args.StandardSave({"mu": jnp.ones(3), "n": step}),
                ),
            )
        manager.wait_until_finished()

        def said() -> Any:
            found = manager.item_metadata(2)
            names = ("params", "opt")
            return (
                [facts(found[name]) for name in names],
                manager.latest_step(),
                [*manager.all_steps()],
            )

        wanted, before = said(), orbscan.orbax.answered()
        with orbscan.orbax.patched():
            assert said() == wanted
        assert orbscan.orbax.answered().by_orbscan >= before.by_orbscan + 2


def test_many_threads_get_one_answer_whoever_gives_it(path: Path) -> None:
    wanted = answer(path)

    def once(number: int) -> bool:
        if number % 3 == 0:
            with orbscan.orbax.patched():
                return bool(answer(path) == wanted)
        return bool(answer(path) == wanted)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(60)))
    assert HANDLER.metadata is THEIRS
