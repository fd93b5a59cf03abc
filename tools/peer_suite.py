"""Run Orbax's own tests of metadata, layouts and loading against `orbscan.orbax`.

    python -m tools.peer_suite /path/to/orbax [SUITE ...]

takes a checkout of Orbax's repository, puts its tests over a copy of the installed Orbax, and runs
each suite twice: unchanged, and with the one line changed that a user of `orbscan.orbax` changes.
Exits with 1 if a test passes with Orbax and fails with orbscan, except for those in `DELIBERATE`.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import orbax.checkpoint

V1 = Path("orbax/checkpoint/experimental/v1")

SUITES = {
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
BASE = "_src/training/checkpointer_test_base.py"
DEVICES = "--xla_force_host_platform_device_count=8"

FIXTURES = "_src/testing/compatibility/checkpoints"

DELIBERATE = re.compile(
    r"critical_corruptions|InvalidLayoutError.*checkpoint_metadata_missing|deprecated_alias"
)
"""Tests that expect None where orbscan reads a tree, or reports damage or that it is not a
checkpoint; see docs/differences.md. Tests of old names patch private functions of Orbax. They are
looked up in the name of a test and its error."""

SHOWN = 20

THEIRS = "import orbax.checkpoint.experimental.v1 as ocp"
OURS = "import orbscan.orbax as ocp"


class Outcome(NamedTuple):
    """How the tests of a suite ended, by name: `passed`, `skipped`, or what went wrong."""

    tests: dict[str, str]

    def count(self, word: str) -> int:
        """The number of tests with this outcome."""
        return sum(end == word for end in self.tests.values())

    def failed(self) -> set[str]:
        """The tests that neither passed nor were skipped."""
        return {name for name, end in self.tests.items() if end not in {"passed", "skipped"}}


def lay_over(checkout: Path, target: Path) -> None:
    """Copy the installed Orbax to a directory, and the tests of a checkout beside it."""
    shutil.copytree(Path(orbax.checkpoint.__file__).parent.parent, target / "orbax")
    source = checkout / "checkpoint" if (checkout / "checkpoint").is_dir() else checkout
    for suite in SUITES.values():
        test = source / V1 / suite
        if test.is_file():
            shutil.copy(test, target / V1 / suite)
    shutil.copytree(source / V1 / FIXTURES, target / V1 / FIXTURES, dirs_exist_ok=True)
    for helper in (source / V1 / "_src/testing").rglob("*.py"):
        place = target / V1 / "_src/testing" / helper.relative_to(source / V1 / "_src/testing")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(helper, place)

    (target / V1 / SUITES["checkpointer"]).write_text(RUNNER, "utf-8")
    shutil.copy(source / V1 / BASE, target / V1 / BASE)
    (target / "conftest.py").write_text(CONFTEST, "utf-8")


def changed(target: Path) -> None:
    """Change the one line in every test."""
    for suite in [*SUITES.values(), BASE]:
        test = target / V1 / suite
        if test.is_file():
            test.write_text(test.read_text("utf-8").replace(THEIRS, OURS), "utf-8")


def run(target: Path, suite: str) -> Outcome:
    """Run one suite in a process of its own."""
    report = target / "report.xml"
    report.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(target), *filter(None, sys.path)]),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": DEVICES,
    }
    test = target / V1 / SUITES[suite]
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


def main() -> int:
    """Run the requested suites, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of Orbax's repository")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    asked = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as room:
        theirs, ours = Path(room, "theirs"), Path(room, "ours")
        for target in (theirs, ours):
            target.mkdir()
            lay_over(asked.checkout, target)
        changed(ours)
        print(f"{'suite':30} {'Orbax':>12} {'orbscan':>12}  lost")
        for suite in asked.suites or SUITES:
            before, after = run(theirs, suite), run(ours, suite)
            # The name of a parametrized test contains their text, so both runs have the same names.
            lost = after.failed() - before.failed()
            listed = {name for name in lost if DELIBERATE.search(name + after.tests[name])}
            wrong += len(lost - listed)
            if not before.count("passed"):
                print(f"{suite:30} cannot be run here: {[*before.tests.values()][:1]}")
                continue
            counts = [f"{each.count('passed')}/{len(each.tests)}" for each in (before, after)]
            print(f"{suite:30} {counts[0]:>12} {counts[1]:>12}  {len(lost)}", flush=True)
            for name in sorted(lost)[:SHOWN]:
                note = " (deliberate)" if name in listed else ""
                print(f"    {name.rpartition('.')[2]}: {after.tests[name]}{note}")
            if len(lost) > SHOWN:
                print(f"    ... and {len(lost) - SHOWN} more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
