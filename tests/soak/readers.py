"""Those who read, and how their answers are judged."""

from __future__ import annotations

import random
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import orbscan
from tests.soak.kinds import Leaves, kinds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.soak.places import Place, Steps

BAD = ("mixed", "stale", "wrong", "hung", "crashed")
"""What no answer may be."""


def now() -> float:
    """Seconds since some time before: how long a call may take is for the clock to say."""
    return time.monotonic()  # noqa: TID251  nobody waits for it


def leaves_of(usage: orbscan.Usage) -> Leaves:
    """What `du` says of each leaf."""
    return frozenset(
        (leaf.param_name, leaf.nbytes, leaf.chunks, leaf.stored) for leaf in usage.leaves
    )


class Reader:
    """Asks everything about every place, again and again.

    Attributes:
        counts: how often each question ended how.
        since: when the call under way began, by `now`; None between calls.
    """

    def __init__(
        self, places: list[Place], steps: Steps, known: list[Leaves], bound: float, seed: int
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.since: float | None = None
        self._places = places
        self._steps = steps
        self._known = known
        self._bound = bound
        self._rng = random.Random(seed)  # noqa: S311  no secrets
        self._earlier: dict[int, tuple[list[orbscan.CheckpointEntry], Any]] = {}

    def round(self) -> None:
        """Asks each question once, in any order."""
        questions = [*self._questions()]
        self._rng.shuffle(questions)
        for name, question in questions:
            began = self.since = now()
            try:
                ended = question()
            except orbscan.OrbscanError as error:
                ended = f"{type(error).__name__}: {error.kind}"
            except Exception as error:  # noqa: BLE001  whatever it is, it is none of ours
                ended = f"crashed: {error!r}"
            finally:
                self.since = None
            if now() - began > self._bound:
                ended = "hung"
            self.counts[name, ended] += 1

    def _questions(self) -> Iterator[tuple[str, Callable[[], str]]]:
        for number, place in enumerate(self._places):
            yield "metadata", partial(self._metadata, place)
            yield "verify", partial(self._verify, place)
            yield "du", partial(self._du, place)
            yield "scan --since", partial(self._since, number)
        yield "scan of steps", self._scan_steps
        yield "metadata of a step", self._a_step
        yield "verify of a step", self._verify_a_step

    def _metadata(self, place: Place) -> str:
        before = place.content
        found = orbscan.metadata(place.path)
        return judged(kinds_of(found.metadata), before, place.content, is_whole=not found.issues)

    def _du(self, place: Place) -> str:
        before = place.content
        usage = orbscan.du(place.path)
        leaves = leaves_of(usage)
        kinds = {kind for kind, known in enumerate(self._known) if leaves == known}
        if not kinds:
            return f"mixed: {sorted(leaves)}, issues {usage.issues}"
        return judged(kinds, before, place.content, is_whole=True)

    def _verify(self, place: Place) -> str:
        # Every checkpoint that lies there is whole.
        report = orbscan.verify(place.path, level=self._rng.choice(("index", "data")))
        return "right" if report.ok else f"wrong: {report}"

    def _since(self, number: int) -> str:
        place = self._places[number]
        earlier, then = self._earlier.get(number, ([], None))
        before = place.content
        entries = list(orbscan.scan(place.path.parent, since=earlier or None))
        now = steady(before, place.content)
        ended = "right" if entries else "nothing there"
        for entry in entries:
            if entry.state == "unchanged":
                # The earlier scan and this one both know what lay there.
                if then is not None and now is not None and then[1] != now[1]:
                    return "stale"
                ended = "unchanged"
            elif entry.metadata is not None:
                kinds = kinds_of(entry.metadata.metadata)
                ended = judged(kinds, before, place.content, is_whole=not entry.metadata.issues)
            else:
                ended = entry.state if entry.error is None else f"entry: {entry.error.kind}"
        self._earlier[number] = (entries, now)
        return ended

    def _step(self) -> str:
        paths = [path for path in self._steps.root.iterdir() if path.name.isdecimal()]
        return str(self._rng.choice(paths))

    def _a_step(self) -> str:
        path = self._step()
        found = orbscan.metadata(path)
        return self._judged_step(path, found.metadata, is_whole=not found.issues)

    def _verify_a_step(self) -> str:
        # It may be deleted under way, and then something is missing.
        return "right" if orbscan.verify(self._step()).ok else "damaged"

    def _scan_steps(self) -> str:
        ended = ["nothing there"]
        for entry in orbscan.scan(self._steps.root):
            if entry.metadata is not None and entry.committed:
                tree = entry.metadata.metadata
                ended.append(
                    self._judged_step(str(entry.path), tree, is_whole=not entry.metadata.issues)
                )
        bad = [word for word in ended if word.startswith(BAD)]
        return bad[0] if bad else ended[-1]

    def _judged_step(self, path: str, tree: Any, *, is_whole: bool) -> str:
        kind = (0, self._steps.kind(path))
        return judged(kinds_of(tree), kind, kind, is_whole=is_whole)


def steady(before: tuple[int, int] | None, after: tuple[int, int] | None) -> Any:
    """What lay in a place all the time; None if that changed.

    >>> steady((4, 1), (4, 1)), steady((4, 1), (6, 1)), steady(None, (4, 1))
    ((4, 1), None, None)
    """
    return before if before == after else None


def judged(
    kinds: set[int],
    before: tuple[int, int] | None,
    after: tuple[int, int] | None,
    *,
    is_whole: bool,
) -> str:
    """What an answer is that tells these kinds, where that lay in the place before and after.

    >>> judged({1}, (4, 1), (4, 1), is_whole=True), judged({1}, (4, 1), (6, 2), is_whole=True)
    ('right', 'right')
    >>> judged({1, 2}, (4, 1), (6, 2), is_whole=True), judged({1}, (4, 2), (4, 2), is_whole=True)
    ('mixed', 'stale')
    """
    if len(kinds) > 1:
        return "mixed"
    stable = steady(before, after)
    if stable is not None and kinds - {stable[1]}:
        return "stale"
    return "right" if is_whole else "with issues"
