"""Orbax's own calls, answered by orbscan while a program wants it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as v0
import pytest
from etils import epath
from orbax.checkpoint._src.handlers import base_pytree_checkpoint_handler
from orbax.checkpoint.experimental import v1

import orbscan.orbax as ocp
from orbscan.orbax import _patch, _tested
from tests.restoring.v0 import facts
from tests.support.processes import apart, python

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HANDLER = base_pytree_checkpoint_handler.BasePyTreeCheckpointHandler
THEIRS = HANDLER.metadata


@pytest.fixture(autouse=True)
def _ends_as_it_began() -> Iterator[None]:
    yield
    assert HANDLER.metadata is THEIRS


def is_patched() -> bool:
    return HANDLER.metadata is not THEIRS


def counted() -> tuple[int, int]:
    found = ocp.answered()
    return found.by_orbscan, sum(found.by_orbax.values())


def test_an_import_changes_nothing() -> None:
    python(
        """
        import sys
        import orbscan.orbax
        assert "orbax.checkpoint" not in sys.modules
        from orbscan.orbax import patch, unpatch, patched, answered
        assert "orbax.checkpoint" not in sys.modules
        unpatch()
        assert answered() == type(answered())(0, {})
        import orbax.checkpoint
        from orbax.checkpoint._src.handlers import base_pytree_checkpoint_handler as module
        assert module.BasePyTreeCheckpointHandler.metadata.__module__ == module.__name__
        assert not hasattr(module.BasePyTreeCheckpointHandler.metadata, "__wrapped__")
        """
    )


def test_its_names_are_no_part_of_orbaxs_interface() -> None:
    assert not {"patch", "unpatch", "patched", "answered"} & {*ocp.__all__}


def test_twice_is_as_good_as_once() -> None:
    ocp.patch()
    ocp.patch()
    assert is_patched()
    ocp.unpatch()
    assert not is_patched()
    ocp.unpatch()
    assert not is_patched()


def test_contexts_nest_and_overlap() -> None:
    with ocp.patched():
        with ocp.patched():
            assert is_patched()
        assert is_patched()
        # Somebody relies on it until the context ends.
        ocp.unpatch()
        assert is_patched()
    assert not is_patched()
    first, second = ocp.patched(), ocp.patched()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert is_patched()
    second.__exit__(None, None, None)
    assert not is_patched()


def test_a_context_inside_of_a_patch_leaves_it() -> None:
    ocp.patch()
    with ocp.patched():
        assert is_patched()
    assert is_patched()
    ocp.unpatch()


def test_an_error_ends_a_context() -> None:
    with pytest.raises(KeyError), ocp.patched():
        raise KeyError
    assert not is_patched()


def test_all_interfaces_of_orbax_are_answered(tmp_path: Path) -> None:
    with v0.CheckpointManager(tmp_path / "run") as manager:
        manager.save(1, args=v0.args.StandardSave({"w": jnp.ones(3)}))
    tree = {"w": jnp.ones((2, 3)), "n": 1}
    v1.save(tmp_path / "v1", tree)

    def questions() -> list[Any]:
        with v0.StandardCheckpointer() as standard, v0.PyTreeCheckpointer() as plain:
            step = tmp_path / "run" / "1" / "default"
            said = [standard.metadata(step).item_metadata, plain.metadata(step).item_metadata]
        registry = v0.handlers.DefaultCheckpointHandlerRegistry()
        registry.add("default", v0.args.StandardRestore)
        with v0.CheckpointManager(tmp_path / "run", handler_registry=registry) as manager:
            said += [manager.item_metadata(1), manager.metadata(1).item_metadata]
        said += [v1.metadata(tmp_path / "v1").metadata]
        said += [v1.checkpointables_metadata(tmp_path / "v1").metadata["state"]]
        return [facts(each) for each in said]

    wanted, before = questions(), counted()
    with ocp.patched():
        assert questions() == wanted
    assert counted() == (before[0] + len(wanted), before[1])


@apart
def test_a_checkpoint_that_only_orbax_reads_is_left_to_it(tmp_path: Path) -> None:
    with v0.PyTreeCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "c", {"w": np.ones(3)})
    (tmp_path / "c" / "_METADATA").write_text("{}")
    (tmp_path / "empty").mkdir()
    handler = HANDLER()
    ocp.patch()
    for name, error in (("c", Exception), ("empty", FileNotFoundError)):
        with pytest.raises(error):
            handler.metadata(epath.Path(tmp_path / name))
    found = ocp.answered()
    assert found.by_orbscan == 0
    assert found.by_orbax == {"cannot be read: malformed": 1, "no _METADATA": 1}
    ocp.unpatch()


def test_a_handler_of_ones_own_is_left_alone(path: Path) -> None:
    class Mine(HANDLER):  # type: ignore[misc, valid-type]
        def metadata(self, directory: Any) -> Any:
            return "mine", directory

    class Half(HANDLER):  # type: ignore[misc, valid-type]
        async def _read_metadata_file(self, directory: Any) -> Any:
            found = await super()._read_metadata_file(directory)
            found.custom_metadata = {"by": "half"}
            return found

    directory = epath.Path(path) / "state"
    before = counted()
    with ocp.patched():
        assert Mine().metadata("x") == ("mine", "x")
        assert Half().metadata(directory).custom_metadata == {"by": "half"}
    assert counted() == (before[0], before[1] + 1)


def test_handlers_of_leaves_of_ones_own_are_asked(path: Path) -> None:
    class Named(v0.type_handlers.NumpyHandler):  # type: ignore[misc]
        async def metadata(self, infos: Any) -> Any:
            found = await super().metadata(infos)
            for each in found:
                each.name = "mine"
            return found

    from orbax.checkpoint._src.serialization import type_handler_registry as registries

    registry = registries.create_type_handler_registry(
        (np.ndarray, Named()),
        (int, v0.type_handlers.ScalarHandler()),
        (str, v0.type_handlers.StringHandler()),
        *[
            (kind, registries.GLOBAL_TYPE_HANDLER_REGISTRY.get(kind))
            for kind in (__import__("jax").Array,)
        ],
    )
    handler = HANDLER(type_handler_registry=registry)
    directory = epath.Path(path) / "state"
    before = ocp.answered()
    with ocp.patched():
        assert handler.metadata(directory)["numpy"].name == "mine"
    after = ocp.answered()
    assert after.by_orbscan == before.by_orbscan
    reason = "a handler of leaves of the program's own"
    assert after.by_orbax[reason] == before.by_orbax.get(reason, 0) + 1


def test_unpatching_while_a_call_is_under_way_lets_it_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orbscan.orbax import _answers

    read, entered, go_on = _answers.tree, threading.Event(), threading.Event()

    def slowly(*arguments: Any) -> Any:
        entered.set()
        assert go_on.wait(60)
        return read(*arguments)

    monkeypatch.setattr(_answers, "tree", slowly)
    said: list[Any] = []
    directory = epath.Path(path) / "state"
    wanted = facts(HANDLER().metadata(directory))
    ocp.patch()
    thread = threading.Thread(target=lambda: said.append(HANDLER().metadata(directory)))
    thread.start()
    assert entered.wait(60)
    ocp.unpatch()
    assert not is_patched()
    go_on.set()
    thread.join()
    assert facts(said[0]) == wanted


def test_what_others_put_on_top_stays_and_ours_falls_silent(path: Path) -> None:
    directory = epath.Path(path) / "state"
    ocp.patch()
    ours = HANDLER.metadata

    def on_top(self: Any, directory: Any) -> Any:
        return ours(self, directory)

    HANDLER.metadata = on_top
    ocp.unpatch()
    try:
        assert HANDLER.metadata is on_top
        before = counted()
        HANDLER().metadata(directory)
        assert counted() == before
    finally:
        HANDLER.metadata = THEIRS


def test_a_child_is_patched_as_its_parent() -> None:
    said = python(
        """
        import os, sys, threading, warnings
        warnings.simplefilter("ignore")
        import orbscan.orbax as ocp
        from orbscan.orbax import _patch
        from orbax.checkpoint._src.handlers import base_pytree_checkpoint_handler as module

        ocp.patch()
        done = threading.Event()

        def hold() -> None:
            while not done.is_set():
                ocp.answered()

        threads = [threading.Thread(target=hold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(50):
            child = os.fork()
            if child == 0:
                # Nobody holds the lock here who could not let go of it.
                ocp.answered()
                ocp.unpatch()
                os._exit(hasattr(module.BasePyTreeCheckpointHandler.metadata, "__wrapped__"))
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        for thread in threads:
            thread.join()
        # What a child does is its own affair.
        assert hasattr(module.BasePyTreeCheckpointHandler.metadata, "__wrapped__")
        print("good")
        """
    )
    assert said == "good\n"


def test_a_release_whose_code_is_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patch, "_patch", _patch._Patch())
    monkeypatch.setattr(_tested, "digest", lambda: "other")
    with pytest.raises(NotImplementedError, match=r"0\.6\.4, .* and 0\.12\.8, .* is inst"):
        ocp.patch()
    assert not is_patched()
    with pytest.raises(NotImplementedError), ocp.patched():
        pass
    monkeypatch.setattr(_tested, "digest", lambda: _tested.RELEASES["0.12.8"])
    # Nothing was left half done.
    with ocp.patched():
        assert is_patched()
    assert not is_patched()


def test_a_release_without_the_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_patch, "_patch", _patch._Patch())
    monkeypatch.delattr(v0.type_handlers, "NumpyHandler")
    with pytest.raises(NotImplementedError, match="is another"):
        ocp.patch()
    assert not is_patched()
