"""Times the same call of Orbax and of orbscan in one process, turn by turn.

Machines are noisy and get slower or faster as a whole. So the two libraries take turns, and
each number is the median of all its turns. A time covers the call and one look at the shape
and the dtype of every leaf, so an answer that puts its work off gains nothing. The page cache
is warm.
"""

import dataclasses
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benches.limit import Limit
from orbscan import _core

DEVICES = 8
# A fast call is repeated within a round, or its median would come from too few samples.
ORBSCAN_CALLS_PER_ROUND = 5
FEWEST_ROUNDS = 3

Call = Callable[[], object]


class DifferentAnswersError(Exception):
    """Orbax and orbscan gave different answers to one call."""

    def __init__(self, call: str) -> None:
        super().__init__(f"{call}: Orbax and orbscan see different leaves")


@dataclass(frozen=True)
class Comparison:
    """The medians of one call, in milliseconds, and how much they rest on."""

    call: str
    leaves: int
    orbax_ms: float
    orbscan_ms: float
    rounds: int
    limit_ms: float | None = None
    """What no Python library can beat here; see `limit`. None if it was not measured."""

    @property
    def ratio(self) -> float:
        """How many times longer Orbax took."""
        return self.orbax_ms / self.orbscan_ms


def use_virtual_devices() -> None:
    """Gives jax eight CPU devices. Only counts before jax is first imported."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"


def prepare() -> None:
    """Prepares a process to measure: virtual devices, and an extension that is optimised.

    Raises:
        SystemExit: the extension was built for tests, whose times say nothing.
    """
    use_virtual_devices()
    if not _core.OPTIMISED:
        sys.exit("*** orbscan was built for tests, which is slower: run `make setup` first")


def compare(
    call: str, orbax: Call, orbscan: Call, seconds: float, limit: Limit | None = None
) -> Comparison:
    """Lets both calls take turns for `seconds`, at least three rounds, after a warm-up of each.

    With a limit, it takes turns with them.

    Each call returns a pytree. Raises `DifferentAnswersError` if the two differ in a keypath,
    a shape or a dtype: the times of different answers are not worth comparing.
    """
    expected = orbax()
    if outline(orbscan()) != outline(expected):
        raise DifferentAnswersError(call)
    built = orbscan()

    def least() -> object:
        if limit:
            limit.read()
        return built

    times: dict[Call, list[float]] = {orbax: [], orbscan: [], least: []}
    tokens = [limit.tokens()] if limit else []
    end = time.monotonic() + seconds
    rounds = 0
    while rounds < FEWEST_ROUNDS or time.monotonic() < end:
        times[orbax].append(milliseconds(orbax))
        times[orbscan] += [milliseconds(orbscan) for _ in range(ORBSCAN_CALLS_PER_ROUND)]
        if limit:
            times[least] += [milliseconds(least) for _ in range(ORBSCAN_CALLS_PER_ROUND)]
        rounds += 1
    tokens += [limit.tokens()] if limit else []
    return Comparison(
        call=call,
        leaves=touch(expected),
        orbax_ms=statistics.median(times[orbax]),
        orbscan_ms=statistics.median(times[orbscan]),
        rounds=rounds,
        limit_ms=statistics.median(times[least]) + statistics.mean(tokens) if limit else None,
    )


def milliseconds(call: Call) -> float:
    """The time of one call and of touching what it returned."""
    # Neither library pays for the garbage of the other.
    gc.collect()
    started = time.perf_counter()
    touch(call())
    return (time.perf_counter() - started) * 1e3


def touch(tree: object) -> int:
    """Reads shape and dtype of every leaf and returns the number of leaves."""
    leaves = 0
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            stack.extend(node.values())
        elif isinstance(node, (list, tuple)):
            stack.extend(node)
        else:
            getattr(node, "shape", None)
            getattr(node, "dtype", None)
            leaves += 1
    return leaves


def outline(tree: object) -> object:
    """The same tree of plain containers, with shape and dtype as text in place of each leaf."""
    if isinstance(tree, Mapping):
        return {key: outline(child) for key, child in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [outline(child) for child in tree]
    if hasattr(tree, "shape"):
        return f"{tree.shape} {getattr(tree, 'dtype', None)}"
    return type(tree).__name__


def comparison(row: Mapping[str, Any]) -> Comparison:
    """A comparison from its JSON, which has the ratio besides."""
    return Comparison(**{name: value for name, value in row.items() if name != "ratio"})


def medians(runs: Sequence[Sequence[Comparison]]) -> list[Comparison]:
    """The medians of several runs of the same comparisons, and the rounds of all of them."""
    return [
        dataclasses.replace(
            of_call[0],
            orbax_ms=statistics.median(row.orbax_ms for row in of_call),
            orbscan_ms=statistics.median(row.orbscan_ms for row in of_call),
            rounds=sum(row.rounds for row in of_call),
            limit_ms=_median([row.limit_ms for row in of_call]),
        )
        for of_call in zip(*runs, strict=True)
    ]


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def table(comparisons: Sequence[Comparison]) -> str:
    """One line a call: leaves, both medians, the ratio, the limit if known, and the rounds."""
    is_limited = any(row.limit_ms is not None for row in comparisons)
    heading = (*_HEADING, *(_OF_LIMIT if is_limited else ()), "rounds")
    rows = [
        (*_cells(row), *(_of_limit(row) if is_limited else ()), f"{row.rounds}")
        for row in comparisons
    ]
    return _aligned([heading, *rows])


_OF_LIMIT = ("limit ms", "to limit")


def _of_limit(row: Comparison) -> tuple[str, str]:
    if row.limit_ms is None:
        return "", ""
    return f"{row.limit_ms:,.3f}", f"{row.orbscan_ms / row.limit_ms:,.2f}x"


def short_table(comparisons: Sequence[Comparison]) -> str:
    """The same as `README.md` has it: of one function, and so by the number of leaves."""
    rows = [(f"{row.leaves:,} leaves", *_cells(row)[1:]) for row in comparisons]
    return _aligned([_HEADING, *rows], least=23)


_HEADING = ("call", "leaves", "orbax ms", "orbscan ms", "ratio")


def _cells(row: Comparison) -> tuple[str, ...]:
    return (
        row.call,
        f"{row.leaves:,}",
        f"{row.orbax_ms:,.2f}",
        f"{row.orbscan_ms:,.3f}",
        f"{row.ratio:,.0f}x",
    )


def _aligned(lines: Sequence[tuple[str, ...]], least: int = 0) -> str:
    width = max(least, *(len(line[0]) for line in lines))
    return "\n".join(
        f"{line[0]:<{width}}" + "".join(f"{cell:>12}" for cell in line[1:]) for line in lines
    )
