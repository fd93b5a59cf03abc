"""Holds `verify` against restores by Orbax: `python -m tests.damage.truth --cases 5000`.

Damages small checkpoints of every layout at random and JSON member by JSON member, restores each
with the installed Orbax in three ways, and looks at what `verify --level data` says of it: how bad
it is, and for whom. Prints the tables of docs/reliability.md; returns 1 if `verify` finds no error
where nothing restores, an error where all restores give every value back, or says of one of the
three that it works or fails and it does not.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from orbscan.checking.findings import OUTLOOKS
from tests.damage import restores
from tests.support import processes

MEMORY = Path("/dev/shm")  # noqa: S108  a folder that is held in memory, if there is one

BATCH = 100
"""Cases that one process tries: what Orbax leaves undone ends with it."""

SAYS = ["nothing", "warning", "error"]
"""The worst that verify finds."""

COMES_OF_IT = ["all right", "some fail", "all fail", "other values", "crashed"]
"""What becomes of the restores."""


@dataclass(frozen=True)
class Outcome:
    """What came of one damage.

    Attributes:
        base: the checkpoint.
        kind: of the damage.
        case: the damage, in words.
        restored: by the way of the restore `right`, `other` or `fails: ...`; empty if it crashed.
        findings: severity and code of each finding.
        told: by the way of the restore, what the findings say becomes of it.
    """

    base: str
    kind: str
    case: str
    restored: dict[str, str]
    findings: list[tuple[str, str]]
    told: dict[str, str] = field(default_factory=dict)

    @property
    def says(self) -> str:
        """The worst that verify finds."""
        found = {severity for severity, _ in self.findings}
        return next((word for word in ("error", "warning") if word in found), "nothing")

    @property
    def comes_of_it(self) -> str:
        """What becomes of the restores."""
        how = set(self.restored.values())
        if not how:
            return "crashed"
        if "other" in how:
            return "other values"
        if how == {"right"}:
            return "all right"
        return "some fail" if "right" in how else "all fail"

    @property
    def is_stated(self) -> bool:
        """Whether verify cannot know.

        Bytes of values that no checksum covers and that decode; values of a handler that the
        program may have; the name of a device that some machine may have; that there was a leaf for
        which nothing is stored. And a checkpointable that is recorded and gone is an error,
        although another one can be restored, as is an object without members in the place of a
        list without any.
        """
        codes = {code for severity, code in self.findings if severity != "note"}
        unseen = not codes and restores.is_data(self.case) and self.comes_of_it == "other values"
        device = not codes and "_sharding" in self.case and self.comes_of_it == "some fail"
        gone = codes == {"checkpointable-missing"} and self.comes_of_it == "all right"
        nothing = not codes and self.case.endswith("""['tree_metadata']["('t', 'e')"]""")
        empty = self.case.endswith("array_metadatas'] becomes {}")
        unsupported = ("note", "leaf-unsupported") in self.findings
        return unseen or device or gone or nothing or empty or unsupported

    @property
    def is_false(self) -> bool:
        """Whether verify says what is not true: too little, or too much."""
        if self.is_stated:
            return False
        if self.says == "error":
            return self.comes_of_it == "all right"
        if self.says == "warning":
            return self.comes_of_it == "all fail"
        return self.comes_of_it != "all right"

    @property
    def is_mistold(self) -> bool:
        """Whether verify says of a way that it works or fails, and it does not.

        Left out, since codes do not tell them apart: a partition spec whose entry JAX takes for
        none, and a type of a leaf that is not a text, which a target makes up for.
        """
        if "['partition_spec']" in self.case or "['value_type']" in self.case:
            return False
        opposite = {"right": "fails", "other": "works", "fails": "works"}
        ways = self.restored.items()
        return not self.is_stated and any(
            self.told.get(way) == opposite[became.split(":")[0]] for way, became in ways
        )

    def __str__(self) -> str:
        found = ", ".join(sorted({f"{severity} {code}" for severity, code in self.findings}))
        damage = f"{self.base}: {self.kind}: {self.case}"
        return "\n  ".join([damage, found or "nothing", str(self.told), str(self.restored)])


@dataclass
class Truth:
    """What came of all damages."""

    outcomes: list[Outcome] = field(default_factory=list)

    def table(self) -> str:
        """How often each came together, as a table."""
        counted = Counter((outcome.says, outcome.comes_of_it) for outcome in self.outcomes)
        rows = [
            "| `verify` finds | " + " | ".join(COMES_OF_IT) + " |",
            "|---|" + "--:|" * len(COMES_OF_IT),
        ]
        for says in SAYS:
            numbers = (f"{counted[says, what]:,}" for what in COMES_OF_IT)
            rows.append(f"| {says} | " + " | ".join(numbers) + " |")
        return "\n".join(rows)

    def table_of_ways(self) -> str:
        """How often what was told of each way came together with what became of it."""
        ways = list(restores.HOW)
        counted = Counter(
            (way, told, "right" if outcome.restored[way] == "right" else "not")
            for outcome in self.outcomes
            if outcome.restored and not outcome.is_stated
            for way, told in outcome.told.items()
        )
        heads = [f"{way}: {became}" for way in ways for became in ("right", "not")]
        rows = ["| `verify` says | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
        for told in OUTLOOKS:
            numbers = (f"{counted[way, told, what]:,}" for way in ways for what in ("right", "not"))
            rows.append(f"| {told} | " + " | ".join(numbers) + " |")
        return "\n".join(rows)


def tried(folder: Path, bases: Path, base: str, seed: int, count: int) -> list[Outcome]:
    """Tries some damages of one checkpoint in a process of its own."""
    work = folder / f"{base}-{seed}"
    work.mkdir()
    words = ["try", bases, base, work, seed, count]
    ended = processes.run([sys.executable, "-m", restores.__name__, *words], cwd=processes.ROOT)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    if ended.returncode and not (lines and "restored" not in lines[-1]):
        raise RuntimeError(ended.stderr[-2_000:])
    found = {}
    for line in lines:
        # A damage is told before its outcome, so that one in which the process ends is known.
        found[line["number"]] = {"restored": {}, "findings": [], "told": {}, **line}
    outcomes = [
        Outcome(
            base,
            one["kind"],
            one["case"],
            one["restored"],
            [(severity, code) for severity, code in one["findings"]],
            one["told"],
        )
        for one in found.values()
    ]
    rest = count - len(outcomes)
    if ended.returncode and rest > 0:
        outcomes += tried(folder, bases, base, seed + 1_000_003, rest)
    return outcomes


def run(cases: int, seed: int, workers: int, only: list[str] | None = None) -> Truth:
    """Tries that many damages, the same of each checkpoint."""
    truth = Truth()
    memory = MEMORY if MEMORY.is_dir() else None
    with TemporaryDirectory(dir=memory) as place, ThreadPoolExecutor(workers) as pool:
        folder = Path(place)
        bases = folder / "bases"
        processes.output(
            [sys.executable, "-m", restores.__name__, "make", bases], cwd=processes.ROOT
        )
        names = sorted(path.name for path in bases.iterdir())
        names = [name for name in names if only is None or name in only]
        each = -(-cases // len(names))
        batches = [
            (name, seed + number, min(BATCH, each - start))
            for name in names
            for number, start in enumerate(range(0, each, BATCH))
        ]
        for outcomes in pool.map(lambda batch: tried(folder, bases, *batch), batches):
            truth.outcomes += outcomes
    return truth


def main() -> int:
    """Runs the campaign and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", action="append", help="only this checkpoint; repeatable")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    truth = run(arguments.cases, arguments.seed, arguments.processes, arguments.base)
    false = [outcome for outcome in truth.outcomes if outcome.is_false or outcome.is_mistold]
    for outcome in false:
        print(outcome)
    print()
    print(truth.table())
    print()
    print(truth.table_of_ways())
    stated = sum(outcome.is_stated for outcome in truth.outcomes)
    print(f"\n{len(truth.outcomes):,} damages, {len(false)} told falsely; {stated} as stated")
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
