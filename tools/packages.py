"""Installs packages into a virtual environment, in seconds where pip alone takes minutes.

    python3 tools/packages.py VENV PACKAGE ...

uv downloads and unpacks at once; it comes by pip into the environment itself. It does not read
what pip is configured with, so that is handed over; where uv fails nevertheless, pip does it all.
Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

UV = "uv>=0.9"

SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}
"""What uv calls the settings of pip, as variables of the environment."""

_SETTING = re.compile(r"[^.]*\.([a-z-]+)='(.*)'")


def settings(listed: str) -> dict[str, str]:
    """The environment in which uv does what pip is configured to do.

    Args:
        listed: what `pip config list` prints; a later line overrides an earlier one.
    """
    found = {"UV_SYSTEM_CERTS": "1"}
    for line in listed.splitlines():
        match = _SETTING.fullmatch(line)
        if match and match[1] in SETTINGS:
            found[SETTINGS[match[1]]] = match[2]
    return found


def install(venv: Path, packages: list[str]) -> bool:
    """Install packages into the virtual environment at `venv`; whether all are there."""
    folder = venv / ("Scripts" if os.name == "nt" else "bin")
    python = folder / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    if _done([*pip, "install", "--quiet", UV], {}):
        # As pip does: a machine may have told Python not to, and each process would compile again.
        uv = [str(folder / "uv"), "pip", "install", "--quiet", "--compile-bytecode"]
        uv += ["--python", str(python)]
        if _done([*uv, *packages], settings(_listed(pip))):
            return True
    print("    uv could not install everything: pip does it, which takes minutes", flush=True)
    return _done([*pip, "install", "--quiet", *packages], {})


def _listed(pip: list[str]) -> str:
    # Quiet, pip would list nothing.
    loud = {**os.environ, "PIP_QUIET": "0"}
    command = [*pip, "config", "list"]
    return subprocess.run(command, env=loud, stdout=subprocess.PIPE, text=True, check=False).stdout


def _done(command: list[str], environment: dict[str, str]) -> bool:
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(0 if install(Path(sys.argv[1]), sys.argv[2:]) else 1)
