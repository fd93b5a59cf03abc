"""Reads while others write, swap and delete: `python -m tests.soak --minutes 10`.

Prints how often each question ended how, the table of docs/reliability.md; returns 1 if an answer
was of two checkpoints, of one that had gone before, otherwise wrong, or took too long.
"""

# ruff: noqa: T201  printing is what a script does

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orbscan
from tests.soak import kinds
from tests.soak.places import Place, Steps, actors
from tests.soak.readers import BAD, Reader, leaves_of, now
from tests.support import processes

if TYPE_CHECKING:
    from collections.abc import Callable


class Soak:
    """Places, those who disturb them, and those who read."""

    def __init__(self, folder: Path, readers: int, bound: float, seed: int) -> None:
        made = folder / "kinds"
        processes.output([sys.executable, "-m", kinds.__name__, made], cwd=processes.ROOT)
        known = [leaves_of(orbscan.du(made / str(kind))) for kind in range(kinds.KINDS)]
        places = [
            Place(folder / f"place-{number}", made, is_link=is_link)
            for number, is_link in enumerate((False, False, True))
        ]
        steps = Steps(folder / "steps", made)
        self.bound = bound
        self.readers = [
            Reader(places, steps, known, bound, seed + number) for number in range(readers)
        ]
        self.turns: Counter[int] = Counter()
        self.failures: list[BaseException] = []
        self._actors = actors(places, steps, seed)
        self._over = threading.Event()

    def run(self, is_over: Callable[[int], bool]) -> bool:
        """Reads until `is_over` the number of rounds of a reader; False if a call never ends."""
        disturb = [
            threading.Thread(target=self._disturb, args=(number, turn), daemon=True)
            for number, turn in enumerate(self._actors)
        ]
        read = [
            threading.Thread(target=self._read, args=(reader, is_over), daemon=True)
            for reader in self.readers
        ]
        for thread in [*disturb, *read]:
            thread.start()
        ended = [self._ends(*pair) for pair in zip(self.readers, read, strict=True)]
        self._over.set()
        for thread in disturb:
            thread.join()
        return all(ended)

    def counts(self) -> Counter[tuple[str, str]]:
        """How often each question ended how."""
        return sum((reader.counts for reader in self.readers), Counter())

    def _disturb(self, number: int, turn: Callable[[], None]) -> None:
        try:
            while not self._over.is_set():
                turn()
                self.turns[number] += 1
        except BaseException as error:  # noqa: BLE001  told at the end
            self.failures.append(error)

    def _read(self, reader: Reader, is_over: Callable[[int], bool]) -> None:
        rounds = 0
        try:
            while not (is_over(rounds) or self._over.is_set()):
                reader.round()
                rounds += 1
        except BaseException as error:  # noqa: BLE001  told at the end
            self.failures.append(error)

    def _ends(self, reader: Reader, thread: threading.Thread) -> bool:
        """Waits for a reader; not for one that hangs in a call."""
        while thread.is_alive():
            thread.join(timeout=1)
            since = reader.since
            if since is not None and now() - since > self.bound:
                reader.counts["a call", "hung"] += 1
                return False
        return True


def bad(counts: Counter[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """What no answer may be, and was."""
    return {key: count for key, count in counts.items() if key[1].startswith(BAD)}


def table(counts: Counter[tuple[str, str]]) -> str:
    """How often each question ended how, as a table."""
    words = sorted({ended.split(":")[0] if ended.startswith(BAD) else ended for _, ended in counts})
    heads = ["right", *BAD, *(word for word in words if word not in {"right", *BAD})]
    rows = ["| | " + " | ".join(heads) + " |", "|---|" + "--:|" * len(heads)]
    for asked in sorted({asked for asked, _ in counts}):
        numbers = (
            sum(
                count
                for (name, ended), count in counts.items()
                if name == asked and (ended == head or (head in BAD and ended.startswith(head)))
            )
            for head in heads
        )
        rows.append(f"| {asked} | " + " | ".join(f"{number:,}" for number in numbers) + " |")
    return "\n".join(rows)


def main() -> int:
    """Runs it for some minutes and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--bound", type=float, default=60.0, help="seconds that a call may take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to write; a temporary one by default")
    arguments = parser.parse_args()
    with TemporaryDirectory(dir=arguments.folder) as folder:
        soak = Soak(Path(folder), arguments.readers, arguments.bound, arguments.seed)
        end = now() + 60 * arguments.minutes
        ended = soak.run(lambda _: now() > end)
        counts = soak.counts()
        print(table(counts))
        *swaps, saved, deleted = (soak.turns[number] for number in range(len(soak.turns)))
        print(f"\n{sum(counts.values()):,} answers; {sum(swaps):,} swaps, {saved:,} steps saved")
        print(f"the deleter looked {deleted:,} times")
        wrong = bad(counts)
        for (asked, how), count in wrong.items():
            print(f"{count:,} times: {asked}: {how}")
        for failure in soak.failures:
            print(f"a thread failed: {failure!r}")
        sys.stdout.flush()
        if not ended:
            # The call that hangs would be waited for.
            os._exit(1)
        return 1 if wrong or soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
