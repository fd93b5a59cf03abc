"""Damages small checkpoints of every layout in every way: `python -m tests.damage.campaign`.

Tries each case of `cases.py` on each checkpoint of `subjects.py`, judges what orbscan answers by
the rules of `outcomes.py`, looks whether `verify` finds at least as much, lets Orbax 0.12.8 answer
a sample of the same cases, and prints the tables of docs/reliability.md. Returns 1 if anything was
wrong, unclear or crashed, or a read found what `verify` did not.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import argparse
import logging
import os
import random
import shutil
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import orbscan
from tests.damage.cases import KINDS, Case, Damaged, every_case, read_files
from tests.damage.outcomes import FAULTS, OUTCOMES, Asked, Whole, judge
from tests.damage.subjects import Subject, make
from tests.support import answers, verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MEMORY = Path("/dev/shm")  # noqa: S108  a folder that is held in memory, if there is one


@dataclass
class Tally:
    """What came of the cases of one checkpoint.

    Attributes:
        counts: by kind and outcome.
        faults: the cases that went wrong, in words.
        verified: by outcome of the read and what `verify` found.
        reference: by kind and what Orbax did with a sample.
        beside: by kind and how orbscan's answer stands beside that of Orbax.
        departures: the cases in which orbscan finds nothing wrong and Orbax answers otherwise.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    verified: Counter[tuple[str, str]] = field(default_factory=Counter)
    reference: Counter[tuple[str, str]] = field(default_factory=Counter)
    beside: Counter[tuple[str, str]] = field(default_factory=Counter)
    departures: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Adds what came of another checkpoint."""
        self.counts.update(other.counts)
        self.faults += other.faults
        self.verified.update(other.verified)
        self.reference.update(other.reference)
        self.beside.update(other.beside)
        self.departures += other.departures


def asked(subject: Subject) -> Asked:
    """What orbscan says now."""
    try:
        return Asked(answer=subject.ask(orbscan))
    except Exception as error:  # noqa: BLE001  what is raised is what is judged
        return Asked(error=error)


VERIFIED = ["error", "warning", "note", "refused", "nothing new", "crashed"]
"""The worst that `verify` finds and did not find before; it refuses what is not a checkpoint."""


def verified(subject: Subject) -> frozenset[tuple[str, str]]:
    """What `verify` finds now, each by its severity and in words."""
    try:
        report = orbscan.verify(subject.root, level="data")
    except orbscan.InvalidLayoutError as error:
        return frozenset({("refused", str(error))})
    except Exception as error:  # noqa: BLE001  whatever is raised is what is judged
        return frozenset({("crashed", str(error))})
    return frozenset((finding.severity, str(finding)) for finding in report.findings)


def _worst(found: frozenset[tuple[str, str]], before: frozenset[tuple[str, str]]) -> str:
    new = {severity for severity, _ in found - before}
    return next((severity for severity in VERIFIED if severity in new), "nothing new")


def run(subject: Subject, cases: Iterable[Case], sample: int) -> Tally:
    """Tries cases on one checkpoint, and a sample of them with Orbax."""
    files = read_files(subject.root)
    damaged = Damaged(subject.root, files)
    whole = Whole(subject.root, files, asked(subject), _others(subject))
    known = verified(subject)
    tally, chosen = Tally(), _Sample(sample)
    for case in cases:
        after, found = damaged.during(case, lambda: (asked(subject), verified(subject)))
        outcome, worst = judge(case, whole, after), _worst(found, known)
        tally.counts[case.kind, outcome] += 1
        tally.verified[outcome, worst] += 1
        if outcome in FAULTS:
            tally.faults.append(
                _words(subject, case, f"{outcome}: {after.error or after.answer.metadata}")
            )
        if worst == "crashed" or (worst == "nothing new" and outcome in {"tolerated", "error"}):
            read = after.error or after.answer.issues
            tally.faults.append(_words(subject, case, f"verify finds {worst}: {read}"))
        chosen.offer((case.kind, outcome), case)
    for (kind, outcome), case in chosen.cases():
        _ask_reference(subject, case, (kind, outcome), tally)
    return tally


def _others(subject: Subject) -> list[orbscan.CheckpointMetadata[Any]]:
    """What is read of a checkpoint if one of its items is asked for by name."""
    found = []
    for directory in sorted(path for path in subject.root.iterdir() if path.is_dir()):
        answer = asked(replace(subject, function="metadata", item=directory.name)).answer
        found += [] if answer is None else [answer]
    return found


def _words(subject: Subject, case: Case, what: str) -> str:
    return f"{subject.name}: {case.file}, {case.kind}, {case.place}: {what}"


class _Sample:
    """As many cases of each sort as asked for, each with the same chance."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[tuple[str, str], list[Case]] = defaultdict(list)
        self._seen: Counter[tuple[str, str]] = Counter()
        self._random = random.Random(1)  # noqa: S311  no secret depends on it

    def offer(self, sort: tuple[str, str], case: Case) -> None:
        self._seen[sort] += 1
        kept = self._kept[sort]
        if len(kept) < self._size:
            kept.append(case)
        elif self._size and (place := self._random.randrange(self._seen[sort])) < self._size:
            kept[place] = case

    def cases(self) -> list[tuple[tuple[str, str], Case]]:
        return [(sort, case) for sort, kept in self._kept.items() for case in kept]


REFERENCE = ["the same", "another", "refused", "silent None", "no Orbax error"]


def _ask_reference(subject: Subject, case: Case, sort: tuple[str, str], tally: Tally) -> None:
    from tests.golden.record import Reference

    logging.disable(logging.ERROR)
    # A copy: where a deletion was cut short, Orbax goes on with it when it is asked to read.
    copy = subject.root.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(subject.root, copy)
    copied = subject.at(copy)
    damage = Damaged(copy, read_files(copy))
    ask: Callable[[Any], Any] = lambda library: answers.answer(  # noqa: E731
        lambda: copied.ask(library), str(copy)
    )
    whole = ask(reference := Reference())
    shutil.rmtree(copy)
    shutil.copytree(subject.root, copy)
    ours = damage.during(case, lambda: ask(orbscan))
    damage.put(case)
    kind, outcome = sort
    try:
        theirs = ask(reference)
    except (TypeError, ValueError):
        # It has put something into a shape that no shape holds, and that cannot be compared.
        tally.reference[kind, "another"] += 1
        return
    tally.reference[kind, _reference_outcome(whole, theirs)] += 1
    compare = (
        verdicts.judge_checkpointables
        if subject.function == "checkpointables_metadata"
        else verdicts.judge
    )
    verdict = compare(theirs, ours)
    tally.beside[outcome, verdict.word] += 1
    # Where orbscan says what is wrong, it may be stricter; where it says nothing, it must be right.
    if verdict.is_fault and outcome in {"same", "other document"}:
        tally.departures.append(_words(subject, case, f"{verdict.word}: {verdict.reason}"))


def _reference_outcome(whole: Any, damaged: Any) -> str:
    if not damaged["ok"]:
        known = {"ValueError", "OSError", "KeyError", "RuntimeError"}
        return "refused" if known & set(damaged["error"]["bases"]) else "no Orbax error"
    if damaged == whole:
        return "the same"
    trees = damaged["result"]["metadata"]
    if _is_none(trees) or (
        trees.get("k") == "dict" and any(_is_none(tree) for _, tree in trees["items"])
    ):
        return "silent None"
    return "another"


def _is_none(tree: Any) -> bool:
    return bool(tree == {"k": "none"})


def table(counts: Counter[tuple[str, str]], rows: list[str], columns: list[str]) -> str:
    """Counts as a table in Markdown, with sums."""
    lines = [f"| | tried | {' | '.join(columns)} |", "|---|" + "--:|" * (len(columns) + 1)]
    for row in [*rows, "all"]:
        of_row = [
            sum(count for (r, c), count in counts.items() if c == column and row in (r, "all"))
            for column in columns
        ]
        if any(of_row):
            lines.append(f"| {row} | {sum(of_row):,} | {' | '.join(f'{n:,}' for n in of_row)} |")
    return "\n".join(lines)


def _campaign(name: str, sample: int, stride: int) -> Tally:
    """Runs the campaign on one checkpoint, in a process of its own."""
    folder = TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
    with folder as top:
        subjects = make(Path(top) / "subjects")
        subject = next(subject for subject in subjects if subject.name == name)
        others = [read_files(other.root) for other in subjects if other.name != name]
        own = Path(shutil.copytree(subject.root, Path(top) / "checkpoint"))
        shutil.rmtree(Path(top) / "subjects")
        cases = every_case(read_files(own), others)
        picked = (case for number, case in enumerate(cases) if number % stride == 0)
        return run(subject.at(own), picked, sample)


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=20, help="cases of a sort shown to Orbax")
    parser.add_argument("--stride", type=int, default=1, help="try only each n-th case")
    parser.add_argument("--subject", action="append", help="only this checkpoint; repeatable")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with TemporaryDirectory() as top:
        names = [subject.name for subject in make(Path(top))]
    names = [name for name in names if options.subject is None or name in options.subject]
    whole = Tally()
    by_subject: Counter[tuple[str, str]] = Counter()
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        jobs = {
            name: pool.submit(_campaign, name, options.sample, options.stride) for name in names
        }
        for name, job in jobs.items():
            tally = job.result()
            print(f"{name}: {sum(tally.counts.values())} cases", file=sys.stderr, flush=True)
            whole.add(tally)
            for (_, outcome), count in tally.counts.items():
                by_subject[name, outcome] += count
    print(table(whole.counts, KINDS, OUTCOMES), end="\n\n")
    print(table(by_subject, names, OUTCOMES), end="\n\n")
    print(table(whole.verified, OUTCOMES, VERIFIED), end="\n\n")
    print(table(whole.reference, KINDS, REFERENCE), end="\n\n")
    words = ["equal", "clearer", "beyond", *sorted(verdicts.FAULTS)]
    print(table(whole.beside, OUTCOMES, words), end="\n\n")
    for line in whole.faults + whole.departures:
        print(line)
    return 1 if whole.faults else 0


if __name__ == "__main__":
    sys.exit(main())
