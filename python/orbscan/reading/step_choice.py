"""From a root and a word for one of its steps to the directory of the step.

A step is a parameter of its own wherever a path is accepted, because any text may be the name of a
directory. Importing this module loads nothing else.
"""

from __future__ import annotations

import os

from orbscan import errors
from orbscan._imports import importing
from orbscan.places import join

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Literal

    from orbscan import _core
    from orbscan.aliases import Atomicity, ErrorKind, Metrics, Mode, Prefix, StepChoice

MAX: Mode = "max"
MIN: Mode = "min"

ATOMICITIES: tuple[Atomicity, ...] = (
    "auto",
    "atomic_rename",
    "commit_file",
    "commit_file_or_atomic_rename",
)
"""What can make a step a committed one; `auto` is Orbax's rule for the store."""

LATEST: Literal["latest"] = "latest"
"""The word for the last committed step."""

_SHOWN_METRICS = 10
_STEPS_END = 1 << 64


def step_directory(
    root: str, step: StepChoice, *, prefix: Prefix = ..., atomicity: Atomicity = "auto"
) -> str:
    """Find the directory of a step.

    Args:
        root: the directory that holds the steps.
        step: a number, `latest`, a metric with `max` or `min`, `("eval.loss", "min")`, or the name
            of a directory.
        prefix: the text before the underscore in the names of the steps that count, like
            `step_prefix` of Orbax's manager; None for bare numbers. By default any.
        atomicity: what makes a step a committed one.

    Raises:
        CheckpointNotFoundError: there is no such root, step, metric or name.
        InvalidLayoutError: the step is not committed, several directories are that step, the
            prefixes of the steps differ, or the root is itself a checkpoint.
        StoreError: the file system refused or failed.
        ValueError: the step is a negative number, or a text that cannot be a name; or a prefix is
            given together with a name.
        TypeError: the step is none of these.
    """
    with importing:
        from orbscan import _core

    if isinstance(step, tuple):
        metric, mode = _metric_and_mode(step)
        name = best_step(root, metric, mode, atomicity, prefix).name
    elif isinstance(step, str) and step != LATEST:
        name = _checked_name(root, step)
        if prefix is not ...:
            message = f"a prefix chooses among steps, and {name!r} is the name of a directory"
            raise ValueError(message)
        _core.check_step_name(root, name)
    else:
        wanted = LATEST if isinstance(step, str) else _number(root, step)
        name = _core.find_step(root, wanted, _wanted_prefix(root, prefix), _rule(atomicity))
    return join(root, name)


def list_steps(
    root: str, atomicity: Atomicity = "auto", prefix: Prefix = ..., *, details: bool = True
) -> tuple[list[_core.Step], list[str], int]:
    """Read the content of a root: its steps, its other checkpoints, how many were not examined.

    Without details, only names are read: no step is read, and no directory examined.

    Raises:
        OrbscanError: as `step_directory` does.
        ValueError: there is no such atomicity.
    """
    with importing:
        from orbscan import _core

    return _core.list_steps(root, _wanted_prefix(root, prefix), _rule(atomicity), details)


def read_steps(
    root: str,
    step: int | Literal["latest", "committed"],
    atomicity: Atomicity = "auto",
    prefix: Prefix = ...,
) -> list[_core.Step]:
    """Read the rows of steps of a root: the committed ones, one of a number or the latest.

    Raises:
        OrbscanError: as `step_directory` does.
        ValueError: there is no such atomicity.
    """
    with importing:
        from orbscan import _core

    return _core.read_steps(root, step, _wanted_prefix(root, prefix), _rule(atomicity))


def _rule(atomicity: Atomicity) -> Atomicity:
    if atomicity not in ATOMICITIES:
        known = ", ".join(map(repr, ATOMICITIES))
        message = f"atomicity must be one of {known}, not {atomicity!r}"
        raise ValueError(message)
    return atomicity


def _wanted_prefix(root: str, prefix: Prefix) -> tuple[str | None] | None:
    if prefix is ...:
        return None
    if not isinstance(prefix, str | None):
        message = f"prefix must be a str or None, not {type(prefix).__name__}"
        raise TypeError(message)
    if prefix is not None:
        _check_text(root, prefix)
    return (prefix,)


def _checked_name(root: str, name: str) -> str:
    separators = {"/", os.sep, os.altsep or os.sep, "\0"}
    if name in {"", ".", ".."} or separators.intersection(name):
        message = f"{name!r} is not a step: a number, 'latest', a metric or a name of a directory"
        raise ValueError(message)
    _check_text(root, name)
    return name


def _check_text(root: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        kind: ErrorKind = "unsupported"
        raise errors.error(kind, f"the name {text!r} is not UTF-8", root) from None


def _number(root: str, step: object) -> int:
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        message = f"step must be a number, a word or a tuple, not {type(step).__name__}"
        raise TypeError(message)
    number = int(step.__index__())
    if number < 0:
        message = f"step must not be negative, got {number}"
        raise ValueError(message)
    if number >= _STEPS_END:
        kind: ErrorKind = "not_found"
        raise errors.error(kind, f"has no step {number}", root)
    return number


def best_step(
    root: str, name: str, mode: Mode = MAX, atomicity: Atomicity = "auto", prefix: Prefix = ...
) -> _core.Step:
    """Read the row of the committed step with the greatest or least value of a metric.

    If several have the same value, it is the last. Steps without the metric, or in which it is not
    a number or NaN, are left out.

    Args:
        root: the directory that holds the steps.
        name: the name of the metric; with dots that of one in an object, as for `metric.find`.
        mode: `max` or `min`.
        atomicity: what makes a step a committed one.
        prefix: as for `step_directory`.

    Raises:
        CheckpointNotFoundError: the metric is not a number in any of them; says which numbers there
            are.
        OrbscanError: as `read_steps` does.
        ValueError: there is no such mode or atomicity.
    """
    if mode not in {MAX, MIN}:
        message = f"mode must be {MAX!r} or {MIN!r}, not {mode!r}"
        raise ValueError(message)
    return ranked(root, read_steps(root, "committed", atomicity, prefix), name, mode)[0]


def ranked(root: str, rows: list[_core.Step], name: str, mode: Mode) -> list[_core.Step]:
    """Return the rows in which a metric is a number, the best first; of equal ones the last.

    Raises:
        CheckpointNotFoundError: there are none; says which numbers there are.
    """
    from orbscan.reading import metric

    found: list[tuple[float, _core.Step]] = []
    for row in reversed(rows):
        value = metric.find(_metrics(row), name)
        if metric.is_number(value):
            found.append((value, row))
    if not found:
        kind: ErrorKind = "not_found"
        raise errors.error(kind, _without(name, rows), root)
    # Stable in both directions.
    found.sort(key=lambda pair: pair[0] if mode == MIN else -pair[0])
    return [row for _, row in found]


def _metrics(row: _core.Step) -> Metrics:
    """The metrics of a step by their names; empty if they are not an object."""
    metrics = _given_metrics(row)
    return metrics if isinstance(metrics, dict) else {}


def _given_metrics(row: _core.Step) -> object:
    given = given_metrics(row)
    return {} if row.metrics is None else given


def given_metrics(row: _core.Step) -> object:
    """Return what a manager was given with a step; None if nothing."""
    import json

    return None if row.metrics is None else json.loads(row.metrics)


def _without(name: str, rows: list[_core.Step]) -> str:
    """Say why a metric cannot be compared: what it is in the last step that has it."""
    from orbscan.reading import metric

    numbers: set[str] = set()
    found: tuple[object, int] | None = None
    nameless: tuple[object, int] | None = None
    for row in reversed(rows):
        metrics = _metrics(row)
        given = _given_metrics(row)
        if nameless is None and not isinstance(given, dict):
            nameless = given, row.step
        value = metric.find(metrics, name)
        if found is None and value is not metric.MISSING:
            found = value, row.step
        numbers.update(each for each, held in metric.members(metrics) if metric.is_number(held))
    if found is None:
        reason, offered = f"no committed step has the metric {name!r}", "available"
        if nameless is not None:
            value, step = nameless
            reason += f"; the metrics of step {step} are not an object: {metric.kind(value)}"
    else:
        value, step = found
        reason = f"the metric {name!r} is not a number: it is {metric.kind(value)} in step {step}"
        inside = {each for each in numbers if each.startswith(f"{name}.")}
        offered = "numbers in it" if inside else "available"
        numbers = inside or numbers
    if numbers:
        reason += f"; {offered}: {_names(numbers)}"
    damaged = sum(row.metrics is None and row.error is not None for row in rows)
    return f"{reason}; steps that cannot be read completely: {damaged}" if damaged else reason


def _names(metrics: set[str]) -> str:
    shown = ", ".join(map(repr, sorted(metrics)[:_SHOWN_METRICS]))
    return f"{shown} and others" if len(metrics) > _SHOWN_METRICS else shown


def _metric_and_mode(choice: tuple[object, ...]) -> tuple[str, Mode]:
    if len(choice) == 2 and isinstance(choice[0], str):  # noqa: PLR2004
        return choice[0], choice[1]  # type: ignore[return-value]
    message = f"a step by its metric is a tuple such as ('loss', 'min'), not {choice!r}"
    raise TypeError(message)
