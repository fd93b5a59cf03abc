"""Run Orbax's own tests of metadata against orbscan.

    python -m tools.peer_suite [--patch] /path/to/orbax [SUITE ...]

takes a checkout of Orbax's repository, puts its tests over a copy of the installed Orbax, and runs
each suite twice: unchanged, and with the one line changed that a user of `orbscan.orbax` changes;
or, with `--patch`, unchanged and while `orbscan.orbax.patch()` answers. Exits with 1 if a test
passes with Orbax and fails with orbscan, except for those in `DELIBERATE`, and with 2 if one of the
packages in `NEEDED` is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import orbax.checkpoint

TOP = Path("orbax/checkpoint")
V1 = TOP / "experimental/v1"

CHANGED = {
    "metadata": "_src/metadata/loading_test.py",
    "serialization": "_src/metadata/serialization_test.py",
    "compat-metadata": "_src/testing/compatibility/metadata_compatibility_test.py",
    "compat-checkpointables": (
        "_src/testing/compatibility/checkpointables_metadata_compatibility_test.py"
    ),
    "compat-load": "_src/testing/compatibility/load_compatibility_test.py",
    "compat-load-checkpointables": (
        "_src/testing/compatibility/load_checkpointables_compatibility_test.py"
    ),
    "layout-loading": "_src/loading/layout_loading_test.py",
    "validation": "_src/loading/validation_test.py",
    "partial": "_src/partial/saving_test.py",
    "layout-orbax": "_src/layout/orbax_layout_test.py",
    "layout-v0": "_src/layout/orbax_v0_layout_test.py",
    "layout-safetensors": "_src/layout/safetensors_layout_test.py",
    "registry": "_src/layout/registry_test.py",
    "context": "_src/context/context_test.py",
    "symbols": "_src/testing/import_symbols_test.py",
    "deprecations": "deprecations_test.py",
    "checkpointer": "_src/training/checkpointer_test.py",
}
"""Those whose import is changed, below `V1`."""

PATCHED = {
    **{name: str(V1.relative_to(TOP) / suite) for name, suite in CHANGED.items()},
    "v1-pytrees": "experimental/v1/_src/handlers/pytree_handler_test.py",
    "v1-partial-pytrees": "experimental/v1/_src/handlers/pytree_handler_partial_save_test.py",
    "v1-registration": "experimental/v1/_src/handlers/registration_test.py",
    "v1-arrays": "experimental/v1/_src/serialization/array_leaf_handler_test.py",
    "v1-numpy": "experimental/v1/_src/serialization/numpy_leaf_handler_test.py",
    "v1-scalars": "experimental/v1/_src/serialization/scalar_leaf_handler_test.py",
    "v1-strings": "experimental/v1/_src/serialization/string_leaf_handler_test.py",
    "pytrees": "_src/handlers/pytree_checkpoint_handler_test.py",
    "pytree-metadata": "_src/handlers/pytree_metadata_test.py",
    "standard": "_src/handlers/standard_checkpoint_handler_test.py",
    "composite": "_src/handlers/composite_checkpoint_handler_test.py",
    "arrays": "_src/handlers/array_checkpoint_handler_test.py",
    "json": "_src/handlers/json_checkpoint_handler_test.py",
    "keys": "_src/handlers/random_key_checkpoint_handler_test.py",
    "handler-registry": "_src/handlers/handler_registration_test.py",
    "checkpointers": "_src/checkpointers/checkpointer_test.py",
    "async-checkpointers": "_src/checkpointers/async_checkpointer_test.py",
    "manager": "checkpoint_manager_test.py",
    "single-host": "single_host_test.py",
    "utils": "checkpoint_utils_test.py",
    "tree-metadata": "_src/metadata/tree_test.py",
    "rich-trees": "_src/metadata/tree_rich_types_test.py",
    "array-metadata": "_src/metadata/array_metadata_store_test.py",
    "step-metadata": "_src/metadata/checkpoint_test.py",
    "shardings": "_src/metadata/sharding_test.py",
    "empty-values": "_src/metadata/empty_values_test.py",
}
"""Those that run under the patch, below `TOP`: what reads metadata, or decides what is read."""

# Published without a file that runs it.
RUNNER = """
from orbax.checkpoint.experimental.v1._src.training import checkpointer_test_base

class CheckpointerTest(checkpointer_test_base.CheckpointerTestBase.Test):
  pass
"""

# Its tests need a distributed system, if only of one process, and eight devices.
CONFTEST = """
import socket
import jax

with socket.socket() as free:
  free.bind(("localhost", 0))
  address = "localhost:%d" % free.getsockname()[1]
jax.distributed.initialize(address, num_processes=1, process_id=0)
"""
PATCH = """
import json
import pathlib
import orbscan.orbax

orbscan.orbax.patch()

def pytest_sessionfinish():
  said = orbscan.orbax.answered()
  text = json.dumps([said.by_orbscan, dict(said.by_orbax)])
  pathlib.Path(__file__).with_name("answered.json").write_text(text)
"""
"""What is added to it for `--patch`."""
BASE = "_src/training/checkpointer_test_base.py"
DEVICES = "--xla_force_host_platform_device_count=8"

HELPERS = ("testing", "_src/testing", "experimental/v1/_src/testing")
"""What tests import, and the checkpoints that they read."""

DELIBERATE = re.compile(
    r"critical_corruptions|InvalidLayoutError.*checkpoint_metadata_missing|deprecated_alias"
)
"""Tests that expect None where orbscan reads a tree, or reports damage or that it is not a
checkpoint; see docs/differences.md. Tests of old names patch private functions of Orbax. They are
looked up in the name of a test and its error."""

NEEDED = ("aiofiles", "chex", "grain", "portpicker")
"""What these tests import, and orbscan's do not."""

SHOWN = 20

THEIRS = "import orbax.checkpoint.experimental.v1 as ocp"
OURS = "import orbscan.orbax as ocp"


class Outcome(NamedTuple):
    """How the tests of a suite ended, by name: `passed`, `skipped`, or what went wrong."""

    tests: dict[str, str]

    def count(self, word: str) -> int:
        """The number of tests with this outcome."""
        return sum(end == word for end in self.tests.values())

    def lost(self, after: Outcome) -> dict[str, str]:
        """The tests that passed here and do not there, and what happened instead."""
        ends = {name: after.tests.get(name, "did not run") for name in self.tests}
        passed = [name for name, end in self.tests.items() if end == "passed"]
        return {name: ends[name] for name in passed if ends[name] != "passed"}


def lay_over(checkout: Path, target: Path) -> None:
    """Copy the installed Orbax to a directory, and the tests of a checkout beside it."""
    shutil.copytree(Path(orbax.checkpoint.__file__).parent.parent, target / "orbax")
    source = checkout / "checkpoint" if (checkout / "checkpoint").is_dir() else checkout
    for suite in PATCHED.values():
        test = source / TOP / suite
        if test.is_file():
            shutil.copy(test, target / TOP / suite)
    for folder in HELPERS:
        for helper in (source / TOP / folder).rglob("*"):
            place = target / TOP / folder / helper.relative_to(source / TOP / folder)
            if helper.is_file() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(helper, place)

    (target / V1 / CHANGED["checkpointer"]).write_text(RUNNER, "utf-8")
    shutil.copy(source / V1 / BASE, target / V1 / BASE)
    (target / "conftest.py").write_text(CONFTEST, "utf-8")


def change(target: Path) -> None:
    """Change the one line in every test."""
    for suite in [*CHANGED.values(), BASE]:
        test = target / V1 / suite
        if test.is_file():
            test.write_text(test.read_text("utf-8").replace(THEIRS, OURS), "utf-8")


def run(target: Path, suite: str) -> Outcome:
    """Run one suite in a process of its own."""
    report = target / "report.xml"
    report.unlink(missing_ok=True)
    # absltest gives the tests of a name the same directory in each run.
    scratch = target / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    environment = {
        **os.environ,
        "TEST_TMPDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join([str(target), *filter(None, sys.path)]),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": DEVICES,
    }
    test = target / TOP / PATCHED[suite]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    subprocess.run(
        [*command, f"--rootdir={target}", f"--junitxml={report}", str(test)],
        env=environment,
        cwd=target,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if not report.exists():
        return Outcome({})
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it a moment ago
    return Outcome({f"{case.get('classname')}.{case.get('name')}": end(case) for case in cases})


def end(case: ET.Element) -> str:
    """The outcome of a test."""
    if case.find("skipped") is not None:
        return "skipped"
    for kind in ("failure", "error"):
        found = case.find(kind)
        if found is not None:
            return (found.get("message") or kind).splitlines()[0][:200]
    return "passed"


def answered(target: Path) -> str:
    """How many calls orbscan and Orbax have answered in the last run under the patch."""
    file = target / "answered.json"
    if not file.exists():
        return ""
    ours, theirs = json.loads(file.read_text("utf-8"))
    file.unlink()
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(theirs.items()))
    return f"  answered: {ours} by orbscan" + (f", by Orbax {reasons}" if reasons else "")


def main() -> int:
    """Run the requested suites, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patch", action="store_true", help="patch Orbax, and change no import")
    parser.add_argument("checkout", type=Path, help="a checkout of Orbax's repository")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(PATCHED))
    asked = parser.parse_args()
    known = PATCHED if asked.patch else CHANGED
    if unknown := [suite for suite in asked.suites if suite not in known]:
        parser.error(f"no such suite: {', '.join(unknown)}; there are {', '.join(known)}")
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        print(f"Orbax's tests need what is not installed: pip install {' '.join(missing)}")
        return 2
    wrong, sums = 0, [0, 0]
    with tempfile.TemporaryDirectory() as room:
        theirs, ours = Path(room, "theirs"), Path(room, "ours")
        for target in (theirs, ours):
            target.mkdir()
            lay_over(asked.checkout, target)
        if asked.patch:
            (ours / "conftest.py").write_text(CONFTEST + PATCH, "utf-8")
        else:
            change(ours)
        print(f"{'suite':30} {'Orbax':>12} {'orbscan':>12}  lost")
        for suite in asked.suites or known:
            before, after = run(theirs, suite), run(ours, suite)
            # The name of a parametrized test contains their text, so both runs have the same names.
            lost = before.lost(after)
            listed = {name for name, end in lost.items() if DELIBERATE.search(name + end)}
            wrong += len(lost) - (0 if asked.patch else len(listed))
            if not before.count("passed"):
                print(f"{suite:30} cannot be run here: {[*before.tests.values()][:1]}")
                continue
            passed = [each.count("passed") for each in (before, after)]
            sums = [total + more for total, more in zip(sums, passed, strict=True)]
            counts = [f"{each.count('passed')}/{len(each.tests)}" for each in (before, after)]
            row = f"{suite:30} {counts[0]:>12} {counts[1]:>12}  {len(lost):<4}{answered(ours)}"
            print(row.rstrip(), flush=True)
            for name in sorted(lost)[:SHOWN]:
                note = " (deliberate)" if name in listed and not asked.patch else ""
                print(f"    {name.rpartition('.')[2]}: {lost[name]}{note}")
            if len(lost) > SHOWN:
                print(f"    ... and {len(lost) - SHOWN} more")
        print(f"{'passed':30} {sums[0]:>12} {sums[1]:>12}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
