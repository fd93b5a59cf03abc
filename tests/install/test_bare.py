"""Where nothing is installed but what orbscan requires, everything works that needs no more."""

from __future__ import annotations

import json
import os
import re
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import orbscan
from tests.reference.differences.situation import golden
from tests.support.processes import ROOT, output, run

REQUIRED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of packages: orbscan, and what it requires."""
    folder = tmp_path_factory.mktemp("bare")
    installed = Path(sysconfig.get_path("platlib"))
    names = [re.split(r"[^\w]", each)[0] for each in REQUIRED]
    for name in names:
        for part in (name, f"{name}.libs"):
            if (installed / part).exists():
                (folder / part).symlink_to(installed / part)
    (folder / "orbscan").symlink_to(Path(orbscan.__file__).parent)
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    path = golden("o0.12.8-v1/ckpt", tmp_path_factory.mktemp("run") / "run")
    return path.rename(path.parent / "100")


def bare_python(bare: Path, *words: object) -> list[object]:
    """A command line of an interpreter that sees only the bare directory."""
    return ["env", "-u", "PYTHONHOME", f"PYTHONPATH={bare}", sys.executable, "-S", *words]


def test_what_is_required_is_little() -> None:
    assert sorted(re.split(r"[^\w]", each)[0] for each in REQUIRED) == [
        "ml_dtypes",
        "msgspec",
        "numpy",
    ]


COMMANDS = {
    "show": "show {path}",
    "show-json": "show {path} -o json",
    "ls": "ls {root}",
    "steps": "steps {root}",
    "scan": "scan {root} -o {folder}/rows.jsonl",
    "verify": "verify {path} --level data",
    "du": "du {path}",
    "diff": "diff {path} {path}",
    "dump": "dump {path}/_CHECKPOINT_METADATA",
    "plan": "plan {path} --mesh x=2",
    "demo": "demo {folder}/demo",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_works(bare: Path, checkpoint: Path, tmp_path: Path, command: str) -> None:
    words = command.format(path=checkpoint, root=checkpoint.parent, folder=tmp_path).split()
    output(bare_python(bare, "-m", "orbscan", *words))


def test_every_command_is_tried() -> None:
    from orbscan import cli

    tried = {command.split()[0] for command in COMMANDS.values()}
    # A report and a catalogue need libraries, which they name: see below.
    assert {*cli.COMMANDS} - tried <= {"latest", "best", "help", "report", "catalogue"}


def test_the_functions_work(bare: Path, checkpoint: Path) -> None:
    program = f"""
import json, sys
import orbscan
path, root = {str(checkpoint)!r}, {str(checkpoint.parent)!r}
read = orbscan.metadata(path)
found = {{
    "leaves": len([*read.leaves()]),
    "shape": [list(leaf.shape) for _, leaf in read.leaves() if hasattr(leaf, "shape")][0],
    "scan": [entry.error is None for entry in orbscan.scan(root)],
    "steps": [step.step for step in orbscan.steps(root)],
    "verify": orbscan.verify(path).ok,
    "du": orbscan.du(path).nbytes > 0,
    "diff": orbscan.diff(path, path).same,
    "plan": len(orbscan.restore_plan(read, "x=2").devices),
    "checkpointables": sorted(orbscan.checkpointables_metadata(path).metadata),
    "repr": "CheckpointMetadata" in repr(read) and "<table>" in read._repr_html_(),
    "loaded": sorted({{"jax", "tensorstore", "orbax", "pyarrow"}} & {{*sys.modules}}),
}}
print(json.dumps(found))
"""
    found = json.loads(output(bare_python(bare, "-c", program)))
    assert found["leaves"] > 0
    assert found["scan"] == [True]
    assert (found["steps"], found["plan"], found["loaded"]) == ([100], 2, [])
    assert all(found[name] for name in ("verify", "du", "diff", "repr"))


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        ("orbscan.abstract_state(orbscan.metadata(path))", "jax", "jax"),
        ("orbscan.metadata(path).metadata['params']['dense']['bias'].sharding", "jax", "jax"),
        ("orbscan.open_array(path, ('params', 'dense', 'bias'))", "tensorstore", "jax"),
        ("orbscan.load(path)", "orbax", "orbax"),
        ("orbscan.report(path)", "jinja2", "report"),
        ("orbscan.open_catalogue(path + '.delta')", "deltalake", "delta"),
        ("orbscan.to_orbax(orbscan.metadata(path))", "orbax", "orbax"),
        (
            "orbscan.write_table(orbscan.scan(path).leaves(), path + '.parquet')",
            "pyarrow",
            "tables",
        ),
    ],
)
def test_what_is_missing_is_named_with_how_to_install_it(
    bare: Path, checkpoint: Path, call: str, package: str, extra: str
) -> None:
    program = f"import orbscan\npath = {str(checkpoint)!r}\n{call}"
    ended = run(bare_python(bare, "-c", program), env={**os.environ})
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert f"needs {package}" in last
    assert last.endswith(f"pip install 'orbscan[{extra}]'")


def test_values_are_not_compared_without_what_decodes_them(bare: Path, checkpoint: Path) -> None:
    ended = run(bare_python(bare, "-m", "orbscan", "diff", checkpoint, checkpoint, "--values"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("orbscan: error: --values: comparing values needs tensorstore")
    assert ended.stderr.endswith("pip install 'orbscan[jax]'\n")
