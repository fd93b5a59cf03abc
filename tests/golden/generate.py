"""Writes golden checkpoints with the Orbax at hand: `python -m tests.golden.generate`.

Run from the root of the repository, in an environment with the requirements that INDEX.toml has
for one release. Writes the kinds that INDEX.toml wants of that release and that are not there
yet: old cases never change. Names of kinds as arguments write just those, whether wanted or not;
`--out` writes elsewhere; `--all` tries every kind there is.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import io
import os
import re
import sys
import tarfile
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

# Has to be set before jax is first imported, which the modules of kinds do.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"

from tests.golden import kinds

_HERE = Path(__file__).parent
_COMMIT_FILE = "commit_success.txt"


def main() -> int:
    """Returns 1 if a kind that INDEX.toml wants of this release could not be written."""
    arguments = _arguments()
    release = importlib.metadata.version("orbax-checkpoint")
    every_kind = kinds.every_kind()
    wanted = list(every_kind) if arguments.all else arguments.kinds or _kinds_of(release)
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for kind in wanted:
        archive = arguments.out / f"o{release}-{kind}.tar.gz"
        if archive.exists():
            continue
        try:
            _write_case(every_kind[kind], archive)
        except Exception as error:  # noqa: BLE001  whatever it is, the release cannot write it
            failed.append(kind)
            print(f"cannot write {kind}: {_first_line(error)}")
    print(f"{release}: {len(wanted) - len(failed)} kinds, without {failed}")
    return 1 if failed and not arguments.all else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--out", type=Path, default=_HERE / "corpus")
    return parser.parse_args()


def _kinds_of(release: str) -> list[str]:
    index = tomllib.loads((_HERE / "INDEX.toml").read_text(encoding="utf-8"))
    for entry in index["release"]:
        if entry["orbax-checkpoint"] == release:
            return list(entry["kinds"])
    message = f"INDEX.toml has no release {release}"
    raise SystemExit(message)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


def _write_case(write: kinds.Kind, archive: Path) -> None:
    with TemporaryDirectory() as scratch:
        case = Path(scratch, archive.name.removesuffix(".tar.gz"))
        case.mkdir()
        write(case)
        if not any(case.iterdir()):
            message = "nothing was written"
            raise ValueError(message)
        _forget_where_it_was_written(case)
        archive.write_bytes(_packed(case))


def _forget_where_it_was_written(case: Path) -> None:
    """Commit files name the folder of the save: `/checkpoints` stands in for it."""
    scratch = re.compile(rf"{re.escape(gettempdir())}/[^/]+/(?:{re.escape(case.name)}/)?")
    for file in case.rglob(_COMMIT_FILE):
        text = file.read_text(encoding="utf-8")
        file.write_text(scratch.sub("/checkpoints/", text), encoding="utf-8")


def _packed(case: Path) -> bytes:
    """The folder as an archive that depends on names and contents alone."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as members:
        for path in [case, *sorted(case.rglob("*"))]:
            members.add(path, str(path.relative_to(case.parent)), recursive=False, filter=_even_out)
    return gzip.compress(tar.getvalue(), mtime=0)


def _even_out(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


if __name__ == "__main__":
    sys.exit(main())
