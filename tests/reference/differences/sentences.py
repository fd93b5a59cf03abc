"""What other pages, and texts of orbscan, say of Orbax.

What findings of `verify` say is held by tests/checking/test_meanings.py; what is committed, the
best and the latest by tests/reading/steps.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import orbscan
from tests.damage.damages import CM, edit, every_sharding, remove, write
from tests.reference.differences.situation import (
    Asking,
    Question,
    as_item,
    golden,
    sentence,
    text,
)
from tests.support import corpus, processes

if TYPE_CHECKING:
    from pathlib import Path


@sentence(
    "rust/orbscan-core/src/reader/leaves.rs",
    "bool or complex scalars, which Orbax restores, but which its v1 metadata() refuses the whole "
    "tree for",
)
def scalars_that_are_restored(folder: Path) -> Asking:
    path = golden("o0.12.8-scalars/bool", folder)
    theirs = yield [Question("restored", path), Question("metadata", path)]
    assert theirs[0].value == ["odd", "w"]
    assert theirs[1].error == "TypeError"
    (issue,) = orbscan.metadata(path).issues
    assert issue.reason.endswith("refuses the whole tree for: odd")


@sentence(
    "rust/orbscan-core/src/verify/shardings.rs",
    "a positional sharding, which Orbax 0.12 does not read",
)
def positional_sharding(folder: Path) -> Asking:
    path = golden("o0.12.8-flat/ckpt", folder)
    every_sharding(json.dumps({"sharding_type": "PositionalSharding", "shape": [1]}))(path)
    theirs = yield [Question("metadata", path)]
    assert theirs[0].error is not None
    findings = orbscan.verify(path).findings
    assert {finding.code for finding in findings} == {"sharding-mismatch"}


@sentence(
    "docs/scan.md",
    "Orbax accepts any directory that it cannot rule out, even an empty one.",
)
def any_directory(folder: Path) -> Asking:
    logs, empty = folder / "logs", folder / "empty"
    (logs / "train").mkdir(parents=True)
    empty.mkdir()
    ways = ("is_checkpoint", "checkpointables")
    theirs = yield [Question(way, path) for way in ways for path in (logs, empty)]
    assert [answer.value for answer in theirs] == [True, True, {"train": None}, {}]
    assert [*orbscan.scan(folder)] == []
    for read in (orbscan.metadata, orbscan.verify, orbscan.du):
        for path in (logs, empty):
            with pytest.raises(orbscan.OrbscanError):
                read(path)


@sentence(
    "docs/steps.md",
    "`best_-0.5`, `ckpt-7`, `epoch=3-step=5`, `job-s40-n0-g0` are not names of steps, and no "
    "Orbax manager lists them.",
)
def other_names(folder: Path) -> Asking:
    whole = golden("o0.12.8-flat/ckpt", folder / "whole")
    names = {"best_-0.5", "ckpt-7", "epoch=3-step=5", "job-s40-n0-g0"}
    for name in (*names, "12"):
        shutil.copytree(whole, folder / "root" / name)
    prefixes = (None, "best", "ckpt", "epoch=3-step=5", "job-s40-n0", "")
    theirs = yield [Question("steps", folder / "root", (prefix,)) for prefix in prefixes]
    assert [answer.value for answer in theirs] == [([12], 12)] + [([], None)] * 5
    found = orbscan.steps(folder / "root")
    assert [step.step for step in found] == [12]
    assert {*found.others} == names


@sentence(
    "docs/steps.md",
    "A partial save is never committed, although Orbax's `is_path_finalized` says so of its name: "
    "no manager lists it.",
)
def partial_saves(folder: Path) -> Asking:
    root = folder / "root"
    whole = golden("o0.12.8-v1/ckpt", folder / "whole")
    shutil.copytree(whole, root / "7.partial_save")
    opened = golden("o0.12.8-v1-partial/open.partial_save", folder / "opened")
    shutil.copytree(opened, root / "8.partial_save")
    theirs = yield [
        Question("steps", root),
        *(Question("is_finalized", root / name) for name in ("7.partial_save", "8.partial_save")),
    ]
    assert [answer.value for answer in theirs] == [([], None), True, True]
    assert [step.committed for step in orbscan.steps(root)] == [False, False]


@sentence(
    "docs/steps.md",
    "`latest`, `best` and `step=` never choose one of them, even if a commit file makes it "
    "committed: no step name in Orbax looks like that, and no manager lists it.",
)
def committed_leftovers(folder: Path) -> Asking:
    root = folder / "root"
    for name in ("5", "7.orbax-checkpoint-tmp"):
        shutil.copytree(golden("o0.12.8-manager/run", folder / name) / "10", root / name)
    theirs = yield [Question("steps", root), Question("steps_by_commit_file", root)]
    assert [answer.value for answer in theirs] == [([5], 5)] * 2
    found = orbscan.steps(root, atomicity="commit_file")
    assert [step.committed for step in found] == [True, True]
    assert orbscan.latest(root, atomicity="commit_file").step == 5


@sentence("docs/steps.md", "Orbax does not look at timestamps for this.")
def no_commit_timestamp(folder: Path) -> Asking:
    root = golden("o0.12.8-manager/run", folder)
    write(CM, json.dumps({**text(root / "10" / CM), "commit_timestamp_nsecs": None}))(root / "10")
    theirs = yield [Question("is_finalized", root / "10"), Question("steps", root)]
    assert [answer.value for answer in theirs] == [True, ([0, 10], 10)]
    assert orbscan.latest(root).step == 10


@sentence(
    "docs/steps.md",
    "The result is empty if nothing was stored; Orbax raises an `OSError` if the directory is "
    "there and the file is not.",
)
def no_root_metadata(folder: Path) -> Asking:
    root = golden("o0.12.8-manager/run", folder)
    (root / "metadata" / "_ROOT_METADATA").unlink()
    theirs = yield [Question("root_metadata", root)]
    assert theirs[0].error in {"OSError", "FileNotFoundError"}
    assert orbscan.root_metadata(root).custom_metadata == {}


@sentence(
    "docs/verify.md",
    "Orbax's own `metadata()` succeeds on a checkpoint whose data files are cut or gone",
)
def data_files_that_are_gone(folder: Path) -> Asking:
    cut, gone = (golden("o0.12.8-no-ocdbt/ckpt", folder / name) for name in ("cut", "gone"))
    (cut / "params.dense.kernel" / "0.0").write_bytes(b"")
    remove("params.dense.kernel/0.0")(gone)
    theirs = yield [Question("metadata", path) for path in (cut, gone, as_item(gone))]
    assert all(answer.value for answer in theirs)
    for path in (cut, gone):
        assert orbscan.verify(path).lost_leaves


@sentence(
    "docs/verify.md",
    "`load` of v1 refuses an array that lacks any chunk, unless its option "
    "`raise_array_data_missing_error` is off.",
)
def missing_chunks(folder: Path) -> Asking:
    path = golden("o0.12.8-no-ocdbt/ckpt", folder)
    remove("params.dense.kernel/0.0")(path)
    theirs = yield [Question("loaded", path), Question("loaded_with_gaps", path)]
    assert theirs[0].error is not None
    assert theirs[1].value == ["params", "rate", "step"]


@sentence(
    "docs/verify.md",
    '`_METADATA` says `"store_array_data_equal_to_fill_value": true`, as Orbax writes since 0.10.1',
)
def stored_zeros(folder: Path) -> Asking:
    yield []
    said = {}
    for case in corpus.golden_cases():
        if case.id.endswith("-flat") and "killed" not in case.id and case.id != "o0.3.5-flat":
            document = text(golden(f"{case.id}/ckpt", folder) / "_METADATA")
            said[case.id] = document.get("store_array_data_equal_to_fill_value", False)
    before = {f"o{release}-flat" for release in ("0.4.8", "0.5.10", "0.6.4", "0.8.0")}
    assert {name for name, stored in said.items() if not stored} == before
    assert len(said) == 9


@sentence("docs/files.md", "a working file of a deletion that was cut short; nothing reads it")
def draft_of_a_deletion(folder: Path) -> Asking:
    path = golden("o0.12.8-v1/ckpt", folder)
    (path / ".orbax-delete-1").write_text("garbage", "utf-8")
    theirs = yield [Question("metadata", path), Question("loaded", path)]
    assert theirs[0].value is not None
    assert theirs[1].value == ["params", "rate", "step"]
    assert orbscan.metadata(path).issues == ()


@sentence("docs/files.md", "stored about all steps of a root; called metadata before 0.10")
def name_of_root_metadata(folder: Path) -> Asking:
    yield []
    for release in ("0.5.10", "0.6.4", "0.8.0", "0.10.3", "0.11.5", "0.12.8"):
        found = {file.name for file in golden(f"o{release}-manager/run/metadata", folder).iterdir()}
        name = "metadata" if release in {"0.5.10", "0.6.4", "0.8.0"} else "_ROOT_METADATA"
        assert found - {CM} == {name}


@sentence(
    "docs/restoring.md",
    "if the abstract state has no shardings, Orbax uses the saved ones, and fails without naming "
    "the missing devices",
)
def other_devices(folder: Path) -> Asking:
    path = golden("o0.12.8-v1-sharded/chunked", folder)
    yield []
    program = """
        import sys, warnings
        import jax
        from orbax.checkpoint.experimental import v1
        warnings.simplefilter("ignore")
        arrays = v1.metadata(sys.argv[1]).metadata
        bare = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), arrays)
        for abstract in ((), (bare,)):
            try:
                v1.load(sys.argv[1], *abstract)
            except ValueError as error:
                print(error)
    """
    said = processes.python(program, path, env={**os.environ, "XLA_FLAGS": ""}).splitlines()
    assert len(said) == 2
    assert not any("Device" in line or "cpu" in line for line in said)


@sentence(
    "docs/restoring.md",
    "Orbax objects such as `ocp.training.Checkpointer` have their own methods, which take "
    "`m.metadata` but not `m`.",
)
def a_checkpointer(folder: Path) -> Asking:
    root = golden("o0.12.8-v1-training/run", folder)
    theirs = yield [
        Question("loaded_by_a_checkpointer", root, (member,)) for member in ("metadata", None)
    ]
    assert theirs[0].value
    assert theirs[1].error is not None


@sentence("docs/restoring.md", "`numpy.complex128(0)`, since Orbax refuses Python's")
def pythons_complex(folder: Path) -> Asking:
    path = golden("o0.12.8-no-ocdbt/ckpt", folder)
    edit("rate/.zarray", _complex)(path)
    (path / "rate" / "0").write_bytes(bytes(16))
    asked: list[dict[str, Any]] = [{"rate": value} for value in (0j, np.complex128(0))]
    theirs = yield [Question("loaded_as", path, (state,)) for state in asked]
    assert theirs[0].error is not None
    assert theirs[1].value == ["rate"]
    assert orbscan.metadata(path).metadata["rate"] == 0j


def _complex(document: dict[str, Any]) -> None:
    document.update(dtype="<c16", fill_value=None, compressor=None)
