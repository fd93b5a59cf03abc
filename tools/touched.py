"""Prints the tests of what has changed since the last commit on main, for `make test-quick`.

A changed test stands for itself; a changed module of the package for the tests of its subpackage,
which are in a folder with the same name; for other code, a table says which tests. In any case, the
tests of the package as a whole run.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOMS = {
    "rust/orbscan-core/src/dump/": ["tests/checking"],
    "rust/orbscan-core/src/verify/": ["tests/checking"],
    "rust/orbscan-core/src/scan/": ["tests/scanning", "tests/reading/steps"],
    "rust/orbscan-core/src/layout/": ["tests/layout", "tests/golden"],
    "rust/orbscan-core/src/reader/": ["tests/layout", "tests/reference/test_corpus.py"],
    "rust/orbscan-arrow/": ["tests/scanning/tables"],
    "rust/orbscan-remote/": ["tests/remote"],
    "docs/": ["tests/docs"],
    "README.md": ["tests/docs"],
}
ALWAYS = "tests/package"

_PACKAGE = "python/orbscan/"


def changed() -> list[str]:
    """The files that differ from main, committed or not."""
    lines = _git("status", "--porcelain", "--untracked-files=all")
    names = [line[3:].rpartition(" -> ")[2] for line in lines]
    return [*names, *_git("diff", "--name-only", "main...HEAD")]


def _git(*words: str) -> list[str]:
    program = shutil.which("git")
    if program is None:
        return []
    ended = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    return ended.stdout.splitlines()


def tests_of(files: list[str]) -> list[str]:
    """The tests to run for some changed files.

    >>> tests_of(["python/orbscan/cli/show.py", "tests/cli/test_show.py"])
    ['tests/cli', 'tests/package']
    """
    found = {ALWAYS}
    for file in files:
        if file.startswith("tests/") and Path(file).name.startswith("test_"):
            found.add(file)
        room, inside, _ = file.removeprefix(_PACKAGE).partition("/")
        if file.startswith(_PACKAGE) and inside:
            found.add(f"tests/{room}")
        for room, tests in ROOMS.items():
            if file.startswith(room):
                found.update(tests)
    # pytest would run a file twice if its folder is given as well.
    return sorted(
        each for each in found if not any(each.startswith(f"{other}/") for other in found)
    )


if __name__ == "__main__":
    print(*tests_of(changed()))
    sys.exit(0)
