"""Runs tests with other releases of libraries, in environments of their own.

    python -m tools.matrix [--list] [--only-there] NAME ...

makes `.venv-matrix/NAME` if it does not exist or its contents must change, and runs its tests
there. Each takes the package from `python/`, with the extension module that `make setup` has built,
which works with every Python that has a GIL; one without needs a wheel of its own (`make wheel`),
and is not tested here. A name may be a pattern (`orbax-*`). Exits with 1 if a test fails, and with
2 if an interpreter is missing; `--only-there` skips those.

Standard library only, because it runs in none of the environments.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tools.interpreters import interpreter

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-matrix"

OWN = ("ml_dtypes", "msgspec>=0.19", "numpy")
"""What the package itself needs."""

TOOLS = ("hypothesis>=6", "pytest>=9", "pytest-xdist>=3.8")
TESTED = (
    "aiohttp>=3.11",
    "flax",
    "msgpack",
    "obstore>=0.12",
    "optax",
    "pyarrow>=16",
    "rich>=13",
    "safetensors",
)
"""What the tests in those folders import in addition."""

JAX = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
"""What `tests/conftest.py` sets, for tests without it."""

ROOMS = (
    "tests/comparing",
    "tests/differential",
    "tests/differing",
    "tests/model",
    "tests/orbax",
    "tests/package",
    "tests/planning",
    "tests/reading",
    "tests/restoring",
)
"""Those that meet Python, JAX or Orbax: the others test what is the same with each release."""

# Notebooks bring programs of their own, which have releases of their own.
NOT_NOTEBOOKS = "--ignore=tests/model/test_notebook.py"
RELEASE = ("tests/orbax/test_every_release.py",)


class Environment(NamedTuple):
    """What is installed, and what runs there."""

    python: str
    """The interpreter, as in `3.11`."""
    packages: tuple[str, ...]
    tests: tuple[str, ...]
    options: tuple[str, ...] = ()
    """Of pytest."""


def _supported(python: str, *packages: str) -> Environment:
    options = ("-n", "2", NOT_NOTEBOOKS)
    return Environment(python, (*OWN, *TOOLS, *TESTED, *packages), ROOMS, options)


def _release(*packages: str) -> Environment:
    # Releases of other years give many warnings that are not orbscan's, and not all packages that
    # other tests need work with them.
    quiet = ("-p", "no:warnings", "--noconftest")
    return Environment("3.11", (*OWN, *TOOLS, "etils[epath]", *packages), RELEASE, quiet)


OLDEST = ("jax==0.9.0", "orbax-checkpoint==0.12.8", "tensorstore==0.1.85")
"""The lower bounds of the extras in `pyproject.toml`."""

NEWEST = ("jax", "orbax-checkpoint", "tensorstore")

ENVIRONMENTS = {
    "oldest-3.11": _supported("3.11", *OLDEST),
    "oldest-3.12": _supported("3.12", *OLDEST),
    "oldest-3.13": _supported("3.13", *OLDEST),
    "newest-3.11": _supported("3.11", *NEWEST),
    "newest-3.12": _supported("3.12", *NEWEST),
    "newest-3.13": _supported("3.13", *NEWEST),
    "orbax-0.6.4": _release("orbax-checkpoint==0.6.4", "jax==0.4.35", "numpy<2.1"),
    "orbax-0.8.0": _release("orbax-checkpoint==0.8.0", "jax==0.4.35", "numpy<2.1"),
    "orbax-0.10.3": _release("orbax-checkpoint==0.10.3", "jax==0.4.38", "numpy<2.3"),
    "orbax-0.11.5": _release("orbax-checkpoint==0.11.5", "jax==0.5.0", "numpy<2.3"),
    "orbax-0.11.33": _release("orbax-checkpoint==0.11.33", "jax==0.9.0"),
    "orbax-0.12.0": _release("orbax-checkpoint==0.12.0", "jax==0.10.2"),
    "orbax-0.12.1": _release("orbax-checkpoint==0.12.1", "jax==0.10.2"),
    "orbax-0.12.6": _release("orbax-checkpoint==0.12.6", "jax==0.10.2"),
    "orbax-0.12.7": _release("orbax-checkpoint==0.12.7", "jax==0.10.2"),
    "orbax-0.12.8": _release("orbax-checkpoint==0.12.8", "jax==0.10.2"),
}
"""By name. `newest` is what the installer finds; the others never change."""


def prepare(name: str, environment: Environment, python: str) -> Path:
    """Make an environment, or leave it as it is if it has the right contents.

    Raises:
        subprocess.CalledProcessError: something cannot be installed.
    """
    folder = PLACE / name
    wanted = "\n".join([python, *environment.packages])
    done = folder / "packages.txt"
    executable = folder / "bin" / "python"
    if done.exists() and done.read_text("utf-8") == wanted:
        return executable
    shutil.rmtree(folder, ignore_errors=True)
    print(f"==> {name}: installing", flush=True)
    subprocess.run([python, "-m", "venv", folder], check=True)
    installer = [sys.executable, str(ROOT / "tools" / "packages.py"), str(folder)]
    subprocess.run([*installer, *environment.packages], check=True)
    done.write_text(wanted, "utf-8")
    return executable


def run(name: str, environment: Environment, python: str, arguments: list[str]) -> bool:
    """Prepare an environment and run its tests; returns whether they pass."""
    try:
        executable = prepare(name, environment, python)
    except subprocess.CalledProcessError as error:
        print(f"*** {name}: cannot be installed: {error}", flush=True)
        return False
    told = "import importlib.metadata as m; print(*[f'{n} {m.version(n)}' for n in %r], sep=', ')"
    names = ["jax", "orbax-checkpoint", "tensorstore", "numpy"]
    subprocess.run([executable, "-c", told % names], check=True)
    paths = os.pathsep.join([str(ROOT / "python"), str(ROOT)])
    command = [str(executable), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [*environment.options, *environment.tests, *arguments]
    ended = subprocess.run(
        command, cwd=ROOT, check=False, env={**os.environ, **JAX, "PYTHONPATH": paths}
    )
    print(
        f"{'   ' if ended.returncode == 0 else '***'} {name}: exit code {ended.returncode}",
        flush=True,
    )
    return ended.returncode == 0


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["*"], metavar="NAME")
    parser.add_argument("--list", action="store_true", help="list them and run nothing")
    parser.add_argument("--only-there", action="store_true", help="pass over missing interpreters")
    parser.add_argument("--pytest", default="", help="more arguments for pytest")
    arguments = parser.parse_args()
    chosen = {
        name: environment
        for name, environment in ENVIRONMENTS.items()
        if any(fnmatch.fnmatch(name, pattern) for pattern in arguments.names)
    }
    if not chosen:
        parser.error(f"no environment is called {' or '.join(arguments.names)}")
    failed, missing = [], []
    for name, environment in chosen.items():
        if arguments.list:
            print(f"{name:15} Python {environment.python:6} {' '.join(environment.packages)}")
            continue
        python = interpreter(environment.python)
        if python is None:
            print(f"--- {name}: there is no Python {environment.python}", flush=True)
            missing.append(name)
        elif not run(name, environment, python, arguments.pytest.split()):
            failed.append(name)
    if failed:
        print(f"*** failed: {' '.join(failed)}")
        return 1
    return 2 if missing and not arguments.only_there else 0


if __name__ == "__main__":
    sys.exit(main())
