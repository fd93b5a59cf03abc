"""Runs the tests of engines, each in an environment of its own below `.venv-engines`.

    python tools/engines.py [NAME ...]

An environment has what orbscan needs, what its extras bring, and pytest; orbscan itself is that of
this checkout, which must have been built. An environment is made once, and again when its contents
change. Anything that is missing is a failure. Standard library only.
"""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).parents[1]
WHERE = TOP / ".venv-engines"
STEP = [sys.executable, str(TOP / "tools" / "step.py"), "--heartbeat"]


class Environment(NamedTuple):
    """What is installed, and which tests run there.

    Attributes:
        extras: extras of orbscan.
        tests: files of tests.
        packages: what these need in addition to orbscan and pytest.
        programs: programs that must be installed, and the Debian package of each.
    """

    extras: tuple[str, ...]
    tests: tuple[str, ...]
    packages: tuple[str, ...] = ()
    programs: tuple[tuple[str, str], ...] = ()


ENVIRONMENTS = {
    "spark": Environment(
        ("spark", "delta"),
        ("tests/engines/test_spark.py",),
        programs=(("java", "openjdk-17-jre-headless"),),
    ),
    "dask": Environment(("dask",), ("tests/engines/test_dask.py",), ("distributed",)),
    "beam": Environment(("beam",), ("tests/engines/test_beam.py",)),
    "daft": Environment(("daft",), ("tests/engines/test_daft.py",)),
    "sinks": Environment(
        ("tables",),
        (
            "tests/engines/test_datafusion_tables.py",
            "tests/engines/test_iceberg_tables.py",
            "tests/engines/test_lance_tables.py",
        ),
        ("datafusion", "pyiceberg[sql-sqlite,pyarrow]", "pylance"),
    ),
}
"""By name. Tests that are named here run nowhere else: see `tests/engines/conftest.py`."""


def main() -> int:
    """Runs the requested ones, or all: a failure does not stop the others."""
    names = sys.argv[1:] or [*ENVIRONMENTS]
    unknown = [name for name in names if name not in ENVIRONMENTS]
    if unknown:
        print(f"*** no such engine: {', '.join(unknown)}; there are {', '.join(ENVIRONMENTS)}")
        return 2
    failed = [name for name in names if not tested(name)]
    if failed:
        print(f"*** engines FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def tested(name: str) -> bool:
    """Makes an environment and runs its tests; returns whether everything succeeded."""
    environment = ENVIRONMENTS[name]
    for program, package in environment.programs:
        if shutil.which(program) is None:
            print(f"*** {name} needs {program}: apt-get install {package}", flush=True)
            return False
    python = made(name)
    if python is None:
        return False
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--noconftest"]
    return step(f"{name}: pytest", [*command, *environment.tests])


def made(name: str) -> Path | None:
    """The interpreter of an environment; None if it could not be made."""
    where = WHERE / name
    python = where / ("Scripts" if os.name == "nt" else "bin") / "python"
    wanted = requirements(ENVIRONMENTS[name])
    note = where / "installed.txt"
    if note.exists() and note.read_text("utf-8").splitlines() == wanted:
        return python
    shutil.rmtree(where, ignore_errors=True)
    venv.create(where, with_pip=True)
    installer = [sys.executable, str(TOP / "tools" / "packages.py"), str(where)]
    if not step(f"{name}: environment", [*installer, *wanted]):
        return None
    ask = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    # The package and its tests, also for the processes that an engine starts.
    lines = f"{TOP / 'python'}\n{TOP}\n"
    Path(packages, "checkout.pth").write_text(lines, "utf-8")
    note.write_text("\n".join(wanted), "utf-8")
    return python


def requirements(environment: Environment) -> list[str]:
    """What is installed, as pip takes it."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    brought = [package for extra in environment.extras for package in extras[extra]]
    pytest = [package for package in extras["test"] if package.startswith("pytest>")]
    return sorted({*project["dependencies"], *brought, *pytest, *environment.packages})


def step(name: str, command: list[str]) -> bool:
    """Runs one step; returns whether it succeeded."""
    return subprocess.run([*STEP, name, *command], check=False, cwd=TOP).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
