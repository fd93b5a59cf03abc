"""A restore plan as text. Pure: a plan in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orbscan.showing.fitting import Fitting
from orbscan.showing.keypaths import ranges
from orbscan.showing.text import checkpointable, counted, labelled, printable, size
from orbscan.showing.text import others as shown_others

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orbscan.planning.value import LeafPlan, Plan
    from orbscan.showing.fitting import Gives

_WORST = 10
_FIRST = "READ MORE THAN HELD"
_GIVES: tuple[Gives, ...] = (
    (_FIRST, 40),
    ("LEAVES", 0),
    ("READ BY EACH", 19),
    ("HELD BY EACH", 10),
    ("READ BY EACH", 10),
    (_FIRST, 16),
    ("HELD BY EACH", 0),
    ("SAVED", 0),
    ("READ BY EACH", 0),
    ("HELD", 0),
    (0, 8),
)


def report(  # noqa: PLR0913 - keywords, each with a meaning of its own
    plan: Plan,
    memory: int | None = None,
    *,
    name: str | None = None,
    others: Sequence[tuple[str | None, bool | None]] = (),
    param: str | None = None,
    fitting: Fitting | None = None,
) -> list[str]:
    """Show a plan.

    Args:
        plan: the plan to show.
        memory: the memory of one device, in bytes; None not to say whether the plan fits.
        name: the checkpointable of the plan; shown if there are others.
        others: the names of those that the plan leaves out, and whether they are pytrees.
        param: the pattern of the leaves in the plan; None if all leaves are.
        fitting: how its tables are fitted; None for not at all.
    """
    fitting = fitting or Fitting()
    blocks = [
        labelled((*_subject(name, others, param), *_header(plan, memory))),
        fitting.columns([("", "HELD", "READ"), *_loads(plan)], right={1, 2}, gives=_GIVES),
        _hosts(plan, fitting),
        _copies(plan, fitting),
        _amplified(plan, fitting),
        fitting.note(),
        ["notes", *(f"  {printable(note)}" for note in plan.notes)] if plan.notes else [],
    ]
    lines: list[str] = []
    for block in filter(None, blocks):
        lines += ["", *block] if lines else block
    return lines


def _subject(
    name: str | None, others: Sequence[tuple[str | None, bool | None]], param: str | None
) -> Iterator[tuple[str, str]]:
    if others:
        yield "name", checkpointable(name)
        yield "others", f"not in this plan: {shown_others(others)}"
    if param is not None:
        yield "param", f"{printable(param)}: no other leaf is in this plan"


def _header(plan: Plan, memory: int | None) -> Iterator[tuple[str, str]]:
    devices, hosts = counted(plan.mesh.devices, "device"), counted(plan.mesh.hosts, "host")
    yield "mesh", f"{printable(str(plan.mesh))}: {devices} on {hosts}"
    yield "saved", f"{counted(len(plan.leaves), 'leaf', 'leaves')}, {size(plan.nbytes)}"
    held, read = (sum(host[field] for host in plan.hosts) for field in (1, 2))
    yield "restored", f"{size(held)} held, {size(read)} read by all hosts together"
    yield "replicated", f"{plan.replicated:.1%} of what the devices hold are further copies"
    if memory is not None:
        verdict = "fits" if plan.device_memory <= memory else "does not fit"
        beside = f", with {size(plan.unplaced)} whose device is not known" if plan.unplaced else ""
        most = f"{size(plan.device_memory)} of {size(memory)}{beside}"
        yield "memory", f"{verdict}: a device holds at most {most}"


def _loads(plan: Plan) -> Iterator[tuple[str, ...]]:
    """The least, mean and most that devices and hosts hold and read."""
    for label, loads in (("device", plan.devices), ("host", plan.hosts)):
        held = [load.held for load in loads]
        read = [load.read for load in loads]
        if min(held) == max(held) and min(read) == max(read):
            yield f"each {label}", size(held[0]), size(read[0])
            continue
        for word, amount in (("least", min), ("mean", _mean), ("most", max)):
            yield f"{label}, {word}", size(amount(held)), size(amount(read))


def _hosts(plan: Plan, fitting: Fitting) -> list[str]:
    """The hosts; those with the same load are one row."""
    alike: dict[tuple[int, int], list[str]] = {}
    for host in plan.hosts:
        alike.setdefault((host.held, host.read), []).append(str(host.number))
    if len(alike) == 1:
        return []
    rows = [("HOST", "HELD", "READ")]
    rows += [(ranges(numbers), size(held), size(read)) for (held, read), numbers in alike.items()]
    return fitting.columns(rows, right={1, 2}, gives=_GIVES)


def _copies(plan: Plan, fitting: Fitting) -> list[str]:
    tally: dict[tuple[str, int], tuple[int, int]] = {}
    for leaf in plan.leaves:
        count, nbytes = tally.get((leaf.on, leaf.copies), (0, 0))
        tally[leaf.on, leaf.copies] = (count + 1, nbytes + leaf.nbytes)
    rows = [("COPIES", "ON", "LEAVES", "SAVED", "HELD")]
    rows += [
        (f"{copies:,}", f"{on}s", f"{count:,}", size(nbytes), size(nbytes * copies))
        for (on, copies), (count, nbytes) in sorted(tally.items())
    ]
    return fitting.columns(rows, right={0, 2, 3, 4}, gives=_GIVES)


def _amplified(plan: Plan, fitting: Fitting) -> list[str]:
    """The leaves with the most bytes read in vain; those with the same cost are one row."""
    alike: dict[tuple[object, ...], list[LeafPlan]] = {}
    for leaf in plan.amplified(limit=None):
        alike.setdefault(leaf[1:], []).append(leaf)
    if not alike:
        return ["no leaf reads more than it holds"]
    worst = sorted(alike.values(), key=lambda same: -len(same) * same[0].wasted)[:_WORST]
    rows: list[tuple[str, ...]] = [(_FIRST, "LEAVES", "HELD BY EACH", "READ BY EACH", "READ/HELD")]
    rows += [_amplified_row(same[0], len(same)) for same in worst]
    more = sum(map(len, alike.values())) - sum(map(len, worst))
    rest = [f"and {counted(more, 'more leaf', 'more leaves')}"] if more else []
    return fitting.columns(rows, right={1, 2, 3, 4}, gives=_GIVES) + rest


def _amplified_row(leaf: LeafPlan, count: int) -> tuple[str, ...]:
    read = size(leaf.read_min)
    if leaf.read_max > leaf.read_min:
        read = f"{read} to {size(leaf.read_max)}"
    ratio = f"{leaf.amplification:.2f}"
    return leaf.path, f"{count:,}", size(leaf.held), read, ratio


def _mean(amounts: list[int]) -> int:
    return round(sum(amounts) / len(amounts))
