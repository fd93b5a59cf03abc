"""A program that has handlers of its own gets what these say of its checkpoints."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import orbax.checkpoint.experimental.v1 as theirs
import pytest

import orbscan
import orbscan.orbax as ocp
from tests.orbax.own_handlers import (
    AbstractBar,
    AbstractFoo,
    Bar,
    BarHandler,
    Foo,
    FooHandler,
    OtherTreeHandler,
    SilentHandler,
    context_with,
)
from tests.support.processes import apart, python

TREE = {"w": jnp.arange(4.0)}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two things of a program's own beside a tree."""
    path = tmp_path_factory.mktemp("own") / "c"
    with context_with(FooHandler, BarHandler):
        theirs.save_checkpointables(path, {"foo": Foo(7), "bar": Bar("b"), "state": TREE})
    return path


def test_no_tree_is_read_for_what_a_handler_describes(both: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(both, tmp_path / "c"))
    (copy / "state" / "_METADATA").write_text("{")
    read = orbscan.metadata(copy, "foo", handlers={"foo": Plain()})
    assert (read.metadata, read.issues) == (["own.json"], ())
    assert {item.name: item.kind for item in read.items} == {
        "bar": "other",
        "foo": "other",
        "state": "pytree",
    }
    assert orbscan.checkpointables_metadata(copy, handlers={"foo": Plain()}).issues


def test_the_example_of_orbaxs_documentation(both: Path) -> None:
    with context_with(FooHandler, BarHandler):
        for read in (ocp.checkpointables_metadata(both), theirs.checkpointables_metadata(both)):
            assert read.metadata["foo"] == AbstractFoo()
            assert type(read.metadata["bar"]) is AbstractBar
            assert read.metadata["state"]["w"].shape == (4,)
        loaded = ocp.load_checkpointables(both, ocp.checkpointables_metadata(both))
    assert (loaded["foo"], loaded["bar"]) == (Foo(7), Bar("b"))
    assert loaded["state"]["w"].tolist() == [0, 1, 2, 3]


def test_orbscans_own_functions_ask_the_handlers_too(both: Path) -> None:
    with context_with(FooHandler, BarHandler):
        read = orbscan.checkpointables_metadata(both)
    assert (read.metadata["foo"], read.issues) == (AbstractFoo(), ())
    assert isinstance(read.metadata["state"]["w"], orbscan.ArrayMetadata)


@apart
def test_without_them_the_value_is_none_and_the_issues_name_the_handler(both: Path) -> None:
    for read in (orbscan.checkpointables_metadata(both), ocp.checkpointables_metadata(both)):
        assert read.metadata["foo"] is read.metadata["bar"] is None
        said = {issue.file: issue.reason for issue in read.issues}
        assert said.keys() == {str(both / "foo"), str(both / "bar")}
        assert "tests.orbax.own_handlers.FooHandler" in said[str(both / "foo")]
    assert theirs.checkpointables_metadata(both).metadata["foo"] is None


def test_a_handler_that_is_registered_for_all_is_asked_without_a_context(both: Path) -> None:
    program = f"""
        import orbax.checkpoint.experimental.v1 as theirs
        from tests.orbax.own_handlers import FooHandler
        theirs.handlers.register_handler(FooHandler)
        import orbscan, orbscan.orbax as ocp
        for read in (theirs, ocp, orbscan):
            found = read.checkpointables_metadata({str(both)!r}).metadata
            print(type(found["foo"]).__name__, found["bar"], sorted(found["state"]))
    """
    assert python(program).splitlines() == ["AbstractFoo None ['w']"] * 3


def test_a_handler_can_be_bound_to_a_name(both: Path) -> None:
    with context_with(bar=FooHandler):
        answers = [read.checkpointables_metadata(both).metadata for read in (theirs, ocp, orbscan)]
    assert [type(found["bar"]) for found in answers] == [AbstractFoo] * 3
    # The class that wrote the other one is known as well, under whatever name.
    assert [type(found["foo"]) for found in answers] == [AbstractFoo] * 3


def registry_of(**named: type[Any]) -> Any:
    """A context that knows nothing but what is bound to names."""
    registry = theirs.handlers.local_registry(include_global_registry=False)
    for name, handler in named.items():
        registry.add(handler, checkpointable_name=name)
    context = theirs.Context()
    context.checkpointables.registry = registry
    return context


def test_a_handler_of_a_tree_is_asked_instead_of_orbscan(both: Path) -> None:
    with registry_of(state=OtherTreeHandler):
        for read in (theirs, ocp, orbscan):
            assert list(read.metadata(both, "state").metadata) == ["other"]


@apart
def test_where_no_handler_is_found_orbax_says_so(both: Path) -> None:
    with registry_of():
        for read in (theirs, ocp):
            with pytest.raises(KeyError, match="Could not resolve a handler"):
                read.checkpointables_metadata(both)
        # orbscan reads trees by itself.
        assert list(orbscan.metadata(both).metadata) == ["w"]


@apart
def test_what_a_handler_raises_is_none_and_an_issue(both: Path) -> None:
    with context_with(foo=SilentHandler):
        assert theirs.checkpointables_metadata(both).metadata["foo"] is None
        assert ocp.checkpointables_metadata(both).metadata["foo"] is None
        read = orbscan.checkpointables_metadata(both)
    assert read.metadata["foo"] is None
    (said,) = [issue.reason for issue in read.issues if issue.file == str(both / "foo")]
    assert "SilentHandler" in said
    assert "NotImplementedError('foo')" in said


class Plain:
    """A handler of somebody who does without Orbax."""

    def metadata(self, directory: Path) -> list[str]:
        """Describe a directory by its files."""
        return sorted(file.name for file in directory.iterdir())


def test_handlers_can_be_given_without_orbax(both: Path) -> None:
    program = f"""
        import sys
        import orbscan
        class Plain:
            def metadata(self, directory):
                return sorted(file.name for file in directory.iterdir())
        class Later:
            async def metadata(self, directory):
                return directory.name
        given = {{"foo": Plain(), "bar": Later()}}
        read = orbscan.checkpointables_metadata({str(both)!r}, handlers=given)
        print(read.metadata["foo"], read.metadata["bar"], read.issues, "orbax" in sys.modules)
    """
    assert python(program) == "['own.json'] bar () False\n"


def test_a_handler_that_is_given_comes_first(both: Path) -> None:
    with context_with(FooHandler):
        read = orbscan.checkpointables_metadata(both, handlers={"foo": Plain()})
    assert read.metadata["foo"] == ["own.json"]
    given: Any = {"state": Plain()}
    assert "_METADATA" in orbscan.metadata(both, handlers=given).metadata
    with pytest.raises(NotADirectoryError):
        orbscan.metadata(both, handlers={"state": Refusing()})


class Refusing:
    """A handler that fails."""

    def metadata(self, directory: Path) -> object:
        """Fail."""
        raise NotADirectoryError(directory)


def test_a_handler_is_asked_inside_a_running_loop(both: Path) -> None:
    import asyncio

    async def in_a_notebook() -> Any:
        return orbscan.checkpointables_metadata(both).metadata["foo"]

    with context_with(FooHandler):
        assert asyncio.run(in_a_notebook()) == AbstractFoo()


def test_a_flat_checkpoint_is_described_by_the_handler_of_its_directorys_name(
    tmp_path: Path,
) -> None:
    import orbax.checkpoint as v0

    with v0.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "flat", TREE)
    with registry_of(flat=OtherTreeHandler):
        for read in (theirs, ocp, orbscan):
            assert list(read.metadata(tmp_path / "flat", None).metadata) == ["other"]


def test_replacing_metadata_and_loading(both: Path) -> None:
    read = ocp.metadata(both)
    halved = dataclasses.replace(
        read, metadata={"w": dataclasses.replace(read.metadata["w"], dtype=jnp.dtype("float16"))}
    )
    assert isinstance(halved, theirs.CheckpointMetadata)
    assert ocp.load(both, halved)["w"].dtype == jnp.float16
    assert theirs.load(both, halved)["w"].dtype == jnp.float16


def test_json_has_no_metadata_and_that_is_no_issue(tmp_path: Path) -> None:
    theirs.save_checkpointables(tmp_path / "c", {"state": TREE, "notes": {"lr": "0.1"}})
    read = orbscan.checkpointables_metadata(tmp_path / "c")
    if read.metadata["notes"] is None:
        assert read.issues == ()


def test_a_handler_that_is_given_describes_what_is_not_a_pytree(both: Path) -> None:
    assert orbscan.metadata(both, "foo", handlers={"foo": Plain()}).metadata == ["own.json"]


def test_handlers_that_cannot_be_meant_are_refused(both: Path) -> None:
    with pytest.raises(orbscan.InvalidLayoutError, match="there is no checkpointable 'zzz'"):
        orbscan.checkpointables_metadata(both, handlers={"zzz": Plain()})
    for given in ([1], {"foo": Plain}, {"foo": 1}):
        with pytest.raises(TypeError):
            orbscan.checkpointables_metadata(both, handlers=given)  # type: ignore[arg-type]


class Needy(FooHandler):
    """Cannot be made as Orbax makes handlers."""

    def __init__(self, argument: object) -> None:
        self.argument = argument


def test_a_handler_that_cannot_be_made_is_named(both: Path) -> None:
    with context_with(foo=Needy), pytest.raises(ValueError, match="Needy of 'foo'"):
        orbscan.checkpointables_metadata(both)


@apart
def test_what_orbax_answers_has_issues_besides(both: Path) -> None:
    with context_with(foo=FooHandler):
        read = ocp.checkpointables_metadata(both)
    assert read.metadata["foo"] == AbstractFoo()
    assert isinstance(read, theirs.CheckpointMetadata)
    assert [issue.file for issue in read.issues] == [str(both / "bar")]


@apart
def test_a_handler_of_orbaxs_under_another_name_is_followed(both: Path) -> None:
    registry = theirs.handlers.local_registry(include_global_registry=False)
    registry.add(theirs.handlers.PyTreeHandler)
    registry.add(theirs.handlers.JsonHandler, checkpointable_name="state")
    context = theirs.Context()
    context.checkpointables.registry = registry
    with context:
        for read in (theirs, ocp):
            assert read.metadata(both, "state").metadata is None


def test_issues_are_of_a_checkpoint_however_its_path_is_spelled(
    both: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(both.parent)
    given: Any = {"foo": Plain(), "bar": Plain()}
    assert orbscan.checkpointables_metadata("./c", handlers=given).issues == ()
    assert orbscan.metadata("./c", "foo", handlers={"foo": Plain()}).issues == ()
