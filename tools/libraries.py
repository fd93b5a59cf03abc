"""Runs the tests of libraries that write checkpoints, each in an environment of its own.

    python -m tools.libraries [--list] [NAME ...]

makes `.venv-libraries/NAME` where it is not there or what it has to hold has changed, and runs
`tests/libraries/test_NAME.py` there: the library writes its smallest checkpoint by its own code,
every answer of orbscan is held against Orbax's, and what the library restores by its own code
against what it restores while `orbscan.orbax.patched()` answers. At the end stand the rows of the
table in docs/libraries.md. orbscan is that of this checkout, which must have been built. Standard
library only.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.interpreters import interpreter

TOP = Path(__file__).parents[1]
WHERE = TOP / ".venv-libraries"
STEP = [sys.executable, str(TOP / "tools" / "step.py"), "--heartbeat"]

SHARED = ("jax", "ml_dtypes", "msgspec>=0.19", "numpy", "orbax-checkpoint", "pytest>=9")
"""What every environment has."""

LIBRARIES = {
    "brax": ("brax",),
    "equinox": ("equinox", "optax"),
    "gemma": ("gemma",),
    "grain": ("grain",),
    "haiku": ("dm-haiku",),
    "kauldron": ("kauldron",),
    "keras": ("keras>=3.13",),
    "maxtext": (
        "maxtext",
        "absl-py",
        "aqtp",
        "drjax",
        "etils",
        "flax",
        "grain",
        "huggingface_hub",
        "jaxtyping",
        "jinja2",
        "omegaconf",
        "optax",
        "packaging",
        "pathwaysutils",
        "psutil",
        "pydantic",
        "pyyaml",
        "qwix",
        "transformers",
    ),
    "numpyro": ("numpyro",),
    "qwix": ("qwix",),
    "tunix": ("google-tunix",),
}
"""By name what is installed besides; the first package is the library. MaxText declares what it
needs only for TPUs and for GPUs, and far more than its checkpoints do: these are what its module of
checkpoints imports."""

PYTHONS = {"gemma": "3.12", "kauldron": "3.12", "maxtext": "3.12"}
"""The Python that a library needs. The others take the one that runs this."""

SETTINGS = {
    "JAX_PLATFORMS": "cpu",
    "KERAS_BACKEND": "jax",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
}


def tests_of(name: str) -> str:
    """The file of the tests of a library."""
    return f"tests/libraries/test_{name}.py"


def main() -> int:
    """Runs those that were asked for, or all: a failure does not keep the others waiting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="list them and run nothing")
    arguments = parser.parse_args()
    names = arguments.names or [*LIBRARIES]
    unknown = [name for name in names if name not in LIBRARIES]
    if unknown:
        parser.error(f"no such library: {', '.join(unknown)}; there are {', '.join(LIBRARIES)}")
    if arguments.list:
        print("\n".join(f"{name:10} {' '.join(LIBRARIES[name])}" for name in names))
        return 0
    rows, failed = [], []
    for name in names:
        row = tested(name)
        rows.append(row or f"| {name} | failed |")
        failed += [] if row else [name]
    print("\n".join(rows))
    if failed:
        print(f"*** libraries FAILED: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def tested(name: str) -> str | None:
    """Makes an environment and runs its tests; the row of the table, None if anything failed."""
    python = made(name)
    if python is None:
        return None
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:warnings"]
    if not step(f"{name}: pytest", [*command, "--noconftest", tests_of(name)]):
        return None
    packages = [LIBRARIES[name][0].partition(">")[0], "orbax-checkpoint", "jax"]
    ask = f"import importlib.metadata as m; print(*map(m.version, {packages!r}), sep=' | ')"
    told = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    today = dt.datetime.now(tz=dt.UTC).date()
    return f"| {name} | {told.stdout.strip()} | {today} |"


def made(name: str) -> Path | None:
    """The interpreter of an environment; None if it could not be made."""
    where = WHERE / name
    python = where / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = [*SHARED, *LIBRARIES[name]]
    base = interpreter(PYTHONS[name]) if name in PYTHONS else sys.executable
    if base is None:
        print(f"*** {name}: there is no Python {PYTHONS[name]}", flush=True)
        return None
    wanted = [base, *packages]
    note = where / "installed.txt"
    if note.exists() and note.read_text("utf-8").splitlines() == wanted:
        return python
    shutil.rmtree(where, ignore_errors=True)
    subprocess.run([base, "-m", "venv", where], check=True)
    installer = [sys.executable, str(TOP / "tools" / "packages.py"), str(where)]
    if not step(f"{name}: environment", [*installer, *packages]):
        return None
    note.write_text("\n".join(wanted), "utf-8")
    return python


def step(name: str, command: list[str]) -> bool:
    """Runs one step; whether it went well."""
    paths = os.pathsep.join([str(TOP / "python"), str(TOP)])
    environment = {**os.environ, **SETTINGS, "PYTHONPATH": paths}
    ended = subprocess.run([*STEP, name, *command], check=False, cwd=TOP, env=environment)
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
