"""Where the commands are asked: real checkpoints, damaged ones, and what is none."""

from __future__ import annotations

import hashlib
import operator
import os
import shutil
from typing import TYPE_CHECKING

from tests.damage.cases import KINDS, Case, Damaged, every_case, read_files
from tests.parity import shapes
from tests.parity.asking import Asked
from tests.support import corpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeVar

    from tests.damage.subjects import Subject

    T = TypeVar("T")

_ALL = os.environ.get("ORBSCAN_PARITY") == "all"

_WHOLE_FILES = {"file removed", "file emptied", "directory removed"}
_RARELY = 300
"""Of the damages of parts of files only one in so many is asked about, even where all are."""


def one_in(number: int) -> int:
    """One place in how many is asked about: in `number`, or each if ORBSCAN_PARITY is `all`."""
    return 1 if _ALL else number


def recorded(case: corpus.Case, folder: Path, *, of: int) -> Iterator[Asked]:
    """The paths of a real case: checkpoints, roots, steps, items, leftovers."""
    corpus.unpack(case.archive, folder)
    for name in _share(corpus.targets(case), str, of):
        yield Asked(folder / case.id / name, f"{case.id}, {name}")


def damaged(subject: Subject, others: list[Subject], *, of: int) -> Iterator[Asked]:
    """A small checkpoint with one damage after the other, each of which is taken back."""
    files = read_files(subject.root)
    damage = Damaged(subject.root, files)
    by_kind: dict[str, list[Case]] = {kind: [] for kind in KINDS}
    for case in every_case(files, [read_files(other.root) for other in others]):
        by_kind[case.kind].append(case)
    for kind, cases in by_kind.items():
        # What happens to whole files is little and tells much.
        rarely = 1 if kind in _WHOLE_FILES else _RARELY
        for case in _share(cases, _name, of * rarely):
            damage.put(case)
            try:
                yield Asked(subject.root, f"{subject.name}, {_name(case)}")
            finally:
                damage.take_back(case)


def _name(case: Case) -> str:
    return f"{case.kind}, {case.file}, {case.place}"


def shaped(subject: Subject, folder: Path, *, of: int) -> Iterator[Asked]:
    """A copy of a checkpoint in every shape; also what lies right below it, and its folder."""
    for name, change in _share(
        [*shapes.of_a_checkpoint(subject.root)], lambda shape: f"{subject.name}, {shape[0]}", of
    ):
        shutil.copytree(subject.root, folder / shapes.NAME)
        yield from _of_shape(folder, change, f"{subject.name}, {name}")


def foreign(folder: Path) -> Iterator[Asked]:
    """What Orbax did not write."""
    for name, change in shapes.without_orbax():
        yield from _of_shape(folder, change, name)


def _of_shape(folder: Path, change: shapes.Shape, name: str) -> Iterator[Asked]:
    change(folder)
    tops = sorted(folder.iterdir())
    below = [path for top in tops if top.is_dir() for path in sorted(top.iterdir())]
    for path in [folder, *tops, *(path for path in below if path.is_dir())]:
        yield Asked(path, f"{name}, {path.relative_to(folder)}")
    for top in tops:
        shutil.rmtree(top) if top.is_dir() and not top.is_symlink() else top.unlink()


def _share(among: Iterable[T], name: Callable[[T], str], of: int) -> list[T]:
    """One in so many, at least one, and always the same: those of the least digests."""
    digests = [(hashlib.sha256(name(one).encode()).digest(), one) for one in among]
    digests.sort(key=operator.itemgetter(0))
    return [one for _, one in digests[: -(-len(digests) // of)]]
