"""Finds interpreters of other versions of Python, for environments that need one.

Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def interpreter(version: str) -> str | None:
    """The interpreter of a version, from PATH or from pyenv; None if there is none.

    Args:
        version: as in `3.12`, or `3.13t` for one without a GIL.
    """
    name = f"python{version}"
    known = Path.home() / ".pyenv" / "versions"
    found = [shutil.which(name), *map(str, sorted(known.glob(f"{version}*/bin/{name}")))]
    return next((each for each in found if each is not None and _runs(each)), None)


def _runs(python: str) -> bool:
    # pyenv also puts launchers on PATH for versions that are not selected.
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
