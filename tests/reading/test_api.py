"""The public functions, over a stand-in for the extension module."""

from __future__ import annotations

import copy
import dataclasses
import os
import pickle
import re
import textwrap
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from etils import epath

import orbscan
from benches import synthetic
from orbscan import _MODULE_OF, CheckpointMetadata, InvalidLayoutError, Issue
from tests.support import fake_core, tables
from tests.support.processes import python
from tests.support.tables import array, checkpoint, checkpoint_of

HEAVY = ["jax", "tensorstore", "orbax", "numpy", "msgspec", "ml_dtypes", "etils"]


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter; the top-level names of the modules it then has more."""
    program = f"import sys; before = set(sys.modules)\n{textwrap.dedent(code)}"
    program += "\nprint('LOADED', *sorted(set(sys.modules) - before))"
    return set(python(program).rpartition("LOADED")[2].split())


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_after("import orbscan") <= {"__future__", "orbscan"}


def test_the_functions_alone_load_no_library() -> None:
    loaded = loaded_after("from orbscan.reading.api import metadata, is_orbax_checkpoint")
    assert not loaded & {*HEAVY, "json", "pathlib", "typing", "dataclasses"}
    # Taken from the package, they come with what their annotations name.
    loaded = loaded_after("from orbscan import metadata, is_orbax_checkpoint")
    assert not loaded & {*HEAVY} - {"msgspec"}


def test_assembling_a_tree_loads_no_accelerator_library() -> None:
    loaded = loaded_after("import orbscan.reading.tree, orbscan.model.result")
    assert not loaded & {"jax", "tensorstore", "orbax", "ml_dtypes", "etils"}


@pytest.mark.parametrize(
    "module",
    [
        "restoring.abstract",
        "restoring.loading",
        "orbax",
        "restoring.orbax_types",
        "restoring.arrays",
    ],
)
def test_what_helps_to_restore_loads_nothing_until_it_is_used(module: str) -> None:
    loaded = loaded_after(f"import orbscan.{module}")
    assert not loaded & {"jax", "tensorstore", "orbax", "numpy", "ml_dtypes", "etils"}


def test_every_public_name_is_there() -> None:
    assert sorted(_MODULE_OF) == sorted(orbscan.__all__)
    assert set(orbscan.__all__) <= set(dir(orbscan))


@pytest.mark.parametrize("name", sorted(set(_MODULE_OF) - {"__version__"}))
def test_a_public_name_is_what_its_module_defines(name: str) -> None:
    module = __import__(f"orbscan.{_MODULE_OF[name]}", fromlist=[name])
    assert getattr(orbscan, name) is getattr(module, name)


def test_the_order_of_imports_does_not_matter() -> None:
    code = """
        import orbscan
        orbscan.is_orbax_checkpoint
        assert callable(orbscan.metadata)
    """
    assert "orbscan.reading.api" in loaded_after(code)


def test_the_version_is_that_of_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_core.install(monkeypatch, None)
    monkeypatch.delitem(vars(orbscan), "__version__", raising=False)
    assert orbscan.__version__ == "1.2.3"
    # It would otherwise outlive the stand-in.
    del orbscan.__version__


def test_a_name_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        orbscan.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_metadata_returns_all_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = checkpoint(
        {"a": array((2,))},
        init_timestamp_nsecs=1,
        commit_timestamp_nsecs=2,
        custom_metadata='{"note": [1, NaN]}',
        issues=[("malformed", "f", 4, True, "why")],
    )
    core = fake_core.install(monkeypatch, answer)
    read = orbscan.metadata("run/1000")
    assert isinstance(read, CheckpointMetadata)
    assert read.path == Path("run/1000")
    assert read.metadata["a"].shape == (2,)
    assert (read.init_timestamp_nsecs, read.commit_timestamp_nsecs) == (1, 2)
    assert read.custom_metadata is not None
    assert str(read.custom_metadata) == "{'note': [1, nan]}"
    assert read.issues == (Issue("malformed", "f", 4, True, "why"),)  # noqa: FBT003
    assert core.calls == [("read_pytree", "run/1000", "AUTO", False)]


def test_without_custom_metadata_there_is_an_empty_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_core.install(monkeypatch, checkpoint(array((2,))))
    assert orbscan.metadata("p").custom_metadata == {}


def test_custom_metadata_is_decoded_once_and_goes_where_the_result_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = checkpoint(array((2,)), custom_metadata='{"note": 1}')
    fake_core.install(monkeypatch, read)
    results = [orbscan.metadata("p") for _ in range(5)]
    assert "custom_metadata" not in vars(results[0])
    copied = [
        pickle.loads(pickle.dumps(results[0])),  # noqa: S301 - its own bytes
        copy.copy(results[1]),
        dataclasses.replace(results[2], commit_timestamp_nsecs=None),
        orbscan.CheckpointMetadata.from_bytes(results[3].to_bytes()),
        results[4],
    ]
    assert [one.custom_metadata for one in copied] == [{"note": 1}] * 5
    assert results[4].custom_metadata is results[4].custom_metadata
    assert results[4] == copied[0]
    assert "'note': 1" in repr(results[1])


def test_options_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    core = fake_core.install(monkeypatch, checkpoint(array((2,))))
    orbscan.metadata("p", "params", rich_types=True)
    orbscan.metadata("p", None)
    orbscan.metadata("p", checkpointable_name="AUTO")
    assert [call[2:] for call in core.calls] == [("params", True), (None, False), ("AUTO", False)]


def test_checkpointables_are_trees_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = checkpoint_of({"dataset": None, "state": {"a": array((2,))}})
    core = fake_core.install(monkeypatch, answer)
    read = orbscan.checkpointables_metadata("p", rich_types=True)
    assert list(read.metadata) == ["dataset", "state"]
    assert read.metadata["dataset"] is None
    assert read.metadata["state"]["a"].shape == (2,)
    assert core.calls == [("read_checkpointables", "p", True)]


def test_no_checkpointables_are_an_empty_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_core.install(monkeypatch, checkpoint_of({}))
    assert orbscan.checkpointables_metadata("p").metadata == {}


@pytest.mark.parametrize("answer", [True, False])
def test_recognition_is_passed_through(monkeypatch: pytest.MonkeyPatch, *, answer: bool) -> None:
    core = fake_core.install(monkeypatch, answer)
    assert orbscan.is_orbax_checkpoint("p") is answer
    assert core.calls == [("is_orbax_checkpoint", "p")]


def test_errors_are_passed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = orbscan.FormatError("malformed", "why", "f", 4)
    fake_core.install(monkeypatch, wrong)
    for function in (
        orbscan.metadata,
        orbscan.checkpointables_metadata,
        orbscan.is_orbax_checkpoint,
    ):
        with pytest.raises(orbscan.FormatError) as caught:
            function("p")
        assert caught.value is wrong


class Fspath:
    def __fspath__(self) -> str:
        return "run/1000"


@pytest.mark.parametrize(
    ("path", "asked", "shown"),
    [
        ("run/1000", "run/1000", "run/1000"),
        ("run/1000//", "run/1000//", "run/1000"),
        (Path("run/1000"), "run/1000", "run/1000"),
        (PurePosixPath("run/1000"), "run/1000", "run/1000"),
        (epath.Path("run/1000"), "run/1000", "run/1000"),
        (Fspath(), "run/1000", "run/1000"),
        ("~/run", "/home/jo/run", "/home/jo/run"),
        ("a:b/c", "a:b/c", "a:b/c"),
        ("", ".", "."),
        ("file:///data/run/1000", "/data/run/1000", "/data/run/1000"),
        ("file://localhost/data/run%201", "/data/run 1", "/data/run 1"),
        ("FILE:///%7E/a%2Fb/", "/~/a/b/", "/~/a/b"),
        ("file:////data", "//data", "//data"),
        ("file:///", "/", "/"),
        (b"file:///r\xc3\xa4um%C3%A4", "/räumä", "/räumä"),
        ("file:/data", "file:/data", "file:/data"),
        ("a/b://c", "a/b://c", "a/b:/c"),
    ],
)
def test_any_kind_of_local_path_is_taken(
    monkeypatch: pytest.MonkeyPatch, path: Any, asked: str, shown: str
) -> None:
    monkeypatch.setenv("HOME", "/home/jo")
    core = fake_core.install(monkeypatch, checkpoint(array((2,))))
    assert orbscan.metadata(path).path == Path(shown)
    assert orbscan.is_orbax_checkpoint(path)
    assert [call[1] for call in core.calls] == [asked, asked]


@pytest.mark.parametrize("url", ["ftp://host/run", "git+ssh://h/p"])
def test_the_url_of_no_store_is_refused_in_words(url: str) -> None:
    for function in (
        orbscan.metadata,
        orbscan.checkpointables_metadata,
        orbscan.is_orbax_checkpoint,
    ):
        with pytest.raises(orbscan.FormatError, match=f"{re.escape(url)}: no store is known"):
            function(url)


def test_what_is_said_of_a_store_needs_a_url() -> None:
    with pytest.raises(ValueError, match="store and store_options are for URLs"):
        orbscan.metadata("run", store_options={"region": "x"})
    with pytest.raises(TypeError, match="a store option is a string, a number or a bool"):
        orbscan.metadata("gs://bucket/run", store_options={"region": None})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file://host/data", "a file URL names the host 'host'"),
        ("file://runs", "a file URL names the host 'runs'"),
        ("file://", "this URL does not name a path"),
        ("file://localhost", "this URL does not name a path"),
    ],
)
def test_a_file_url_of_no_path_here_is_refused_in_words(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{url}: {said}"):
        orbscan.metadata(url)


def test_what_is_no_path_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        orbscan.metadata(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["metrics", "_CHECKPOINT_DELETION", ""])
def test_names_that_orbax_refuses_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="checkpointable") as caught:
        orbscan.metadata("p", name)
    assert not isinstance(caught.value, InvalidLayoutError)


@pytest.mark.parametrize("name", ["a/b", "/a", "state/", "a\0b", ".", ".."])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidLayoutError) as caught:
        orbscan.metadata("p", name)
    assert caught.value.kind == "no_such_checkpointable"


@pytest.mark.parametrize("name", [5, b"state", ["state"]])
def test_a_name_that_is_no_string_is_a_type_error(name: Any) -> None:
    with pytest.raises(TypeError, match=type(name).__name__):
        orbscan.metadata("p", name)


def test_an_empty_tree_is_not_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_core.install(monkeypatch, checkpoint(tables.EMPTY_DICT))
    assert orbscan.metadata(os.curdir).metadata == {}


def test_no_path_is_made_for_an_answer_before_it_is_looked_at(tmp_path: Path) -> None:
    synthetic.write(tmp_path / "state", [synthetic.Array(("w",), (2,), (2,), "float32", "")])
    program = """
        import sys
        import orbscan
        read = orbscan.metadata(sys.argv[1])
        print("pathlib" in sys.modules, read.path.name, "pathlib" in sys.modules)
    """
    # What starts Python in an environment of its own may import it before.
    started = python("import sys; print('pathlib' in sys.modules)").strip()
    expected = f"{started} state True"
    assert python(program, tmp_path / "state").strip() == expected
