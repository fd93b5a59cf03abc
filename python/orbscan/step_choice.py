"""From a root and a word for one of its steps to the directory of that step.

A step is a parameter of its own wherever a path can be given, since any text may be the name of a
directory. Importing this module loads nothing else.
"""

from __future__ import annotations

import os

from orbscan import errors

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, SupportsIndex, TypeAlias, TypeVar

    from orbscan import _core

    Mode: TypeAlias = Literal["max", "min"]
    StepChoice: TypeAlias = SupportsIndex | Literal["latest"] | tuple[str, Mode]
    T = TypeVar("T")

MAX: Mode = "max"
MIN: Mode = "min"

_LOCAL_ATOMICITY = "atomic_rename"
_SHOWN_METRICS = 10
_STEPS_END = 1 << 64


def step_directory(root: str, step: StepChoice) -> str:
    """Find the directory of a step.

    Args:
        root: the directory that holds the steps.
        step: a number, `latest`, or a metric with `max` or `min`, `("loss", "min")`.

    Raises:
        CheckpointNotFoundError: there is no such root, step or metric.
        InvalidLayoutError: the step is not committed, several directories are that step, or the
            root is itself a checkpoint.
        StoreError: the file system refused or failed.
        ValueError: the step is another word, or a negative number.
        TypeError: the step is none of these.
    """
    if isinstance(step, tuple):
        metric, mode = _metric_and_mode(step)
        rows = read_steps(root)
        name = best_of(((row[0], row[8]) for row in rows if row[2]), root, metric, mode)
    else:
        from orbscan import _core

        name = _core.find_step(root, number_or_latest(root, step), _LOCAL_ATOMICITY)
    return os.path.join(root, name)  # noqa: PTH118 - pathlib takes longer to import than a read


def read_steps(
    root: str, step: int | Literal["latest", "committed"] | None = None, atomicity: str = "auto"
) -> list[_core.Step]:
    """Read the rows of the steps of a root: all, the committed ones, one of a number or the latest.

    Raises:
        OrbscanError: as `step_directory` does.
        ValueError: there is no such atomicity.
    """
    from orbscan import _core

    mode = _LOCAL_ATOMICITY if atomicity == "auto" else atomicity
    if mode not in _core.ATOMICITIES:
        known = ", ".join(map(repr, ("auto", *_core.ATOMICITIES)))
        message = f"atomicity must be one of {known}, not {atomicity!r}"
        raise ValueError(message)
    return _core.read_steps(root, step, mode)


def number_or_latest(root: str, step: object) -> int | Literal["latest"]:
    """Check a step that is a number or a word; raises as `step_directory` does."""
    if step == "latest":
        return "latest"
    if isinstance(step, str):
        message = f"step must be a number, 'latest' or (metric, 'max' or 'min'), not {step!r}"
        raise ValueError(message)  # noqa: TRY004 - another text would be right
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        message = f"step must be a number, a word or a tuple, not {type(step).__name__}"
        raise TypeError(message)
    number = int(step.__index__())
    if number < 0:
        message = f"step must not be negative, and is {number}"
        raise ValueError(message)
    if number >= _STEPS_END:
        kind = "not_found"
        raise errors.error(kind, f"has no step {number}", root)
    return number


def best_of(
    candidates: Iterable[tuple[T, str | None]], root: str, metric: str, mode: Mode = MAX
) -> T:
    """Choose the candidate with the greatest or least value of a metric, of equals the last.

    Args:
        candidates: with the JSON text of their metrics, or None. Those without the metric, or
            with one that is no number or not a number, are left out.
        root: where they come from.
        metric: a member of the metrics.
        mode: `max` or `min`.

    Raises:
        CheckpointNotFoundError: none has the metric; says which ones there are.
        ValueError: the mode is another word.
    """
    import json

    if mode not in {MAX, MIN}:
        message = f"mode must be {MAX!r} or {MIN!r}, not {mode!r}"
        raise ValueError(message)
    best: tuple[float, T] | None = None
    seen: set[str] = set()
    for candidate, text in candidates:
        metrics: Mapping[str, object] = {} if text is None else json.loads(text)
        seen.update(metrics)
        value = metrics.get(metric)
        # A boolean is a number to Python, but nobody's metric. NaN alone is not equal to itself.
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:  # noqa: PLR0124
            continue
        if best is None or (value >= best[0] if mode == MAX else value <= best[0]):
            best = (value, candidate)
    if best is None:
        kind = "not_found"
        raise errors.error(kind, f"no committed step has the metric {metric!r}{_other(seen)}", root)
    return best[1]


def _other(metrics: set[str]) -> str:
    shown = ", ".join(map(repr, sorted(metrics)[:_SHOWN_METRICS]))
    more = " and others" if len(metrics) > _SHOWN_METRICS else ""
    return f"; there is {shown}{more}" if metrics else ""


def _metric_and_mode(choice: tuple[object, ...]) -> tuple[str, Mode]:
    if len(choice) == 2 and isinstance(choice[0], str):  # noqa: PLR2004
        return choice[0], choice[1]  # type: ignore[return-value]
    message = f"a step by its metric is a tuple such as ('loss', 'min'), not {choice!r}"
    raise TypeError(message)
