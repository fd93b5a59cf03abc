"""Prints the dependencies in pyproject.toml, and those of the given extras, one per line.

    python3 tools/requirements.py [EXTRA ...]

For installers, which cannot install the dependencies of a project without building it.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path


def requirements(text: str, extras: list[str]) -> Iterator[str]:
    """The requirements in `text`, the content of a pyproject.toml."""
    project = tomllib.loads(text)["project"]
    yield from project["dependencies"]
    for extra in extras:
        yield from project["optional-dependencies"][extra]


if __name__ == "__main__":
    print(*requirements(Path("pyproject.toml").read_text("utf-8"), sys.argv[1:]), sep="\n")
