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
    from collections.abc import Mapping
    from typing import Literal, SupportsIndex, TypeAlias

    from orbscan import _core

    Atomicity: TypeAlias = Literal[
        "auto", "atomic_rename", "commit_file", "commit_file_or_atomic_rename"
    ]
    Mode: TypeAlias = Literal["max", "min"]
    StepChoice: TypeAlias = SupportsIndex | Literal["latest"] | tuple[str, Mode]

MAX: Mode = "max"
MIN: Mode = "min"

ATOMICITIES: tuple[Atomicity, ...] = (
    "auto",
    "atomic_rename",
    "commit_file",
    "commit_file_or_atomic_rename",
)
"""What can make a step a committed one; `auto` is what Orbax takes on a local disk."""

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
        name, *_ = best_step(root, metric, mode)
    else:
        from orbscan import _core

        name = _core.find_step(root, number_or_latest(root, step), _LOCAL_ATOMICITY)
    return os.path.join(root, name)  # noqa: PTH118 - pathlib takes longer to import than a read


def read_steps(
    root: str,
    step: int | Literal["latest", "committed"] | None = None,
    atomicity: Atomicity = "auto",
) -> list[_core.Step]:
    """Read the rows of the steps of a root: all, the committed ones, one of a number or the latest.

    Raises:
        OrbscanError: as `step_directory` does.
        ValueError: there is no such atomicity.
    """
    from orbscan import _core

    if atomicity not in ATOMICITIES:
        known = ", ".join(map(repr, ATOMICITIES))
        message = f"atomicity must be one of {known}, not {atomicity!r}"
        raise ValueError(message)
    mode = _LOCAL_ATOMICITY if atomicity == "auto" else atomicity
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


def best_step(
    root: str, metric: str, mode: Mode = MAX, atomicity: Atomicity = "auto"
) -> _core.Step:
    """Read the row of the committed step with the greatest or least value of a metric.

    Of equals it is the last. Steps without the metric, or with one that is no number or not a
    number, are left out.

    Args:
        root: the directory that holds the steps.
        metric: a member of the metrics.
        mode: `max` or `min`.
        atomicity: what makes a step a committed one.

    Raises:
        CheckpointNotFoundError: none has the metric; says which ones there are.
        OrbscanError: as `read_steps` does.
        ValueError: there is no such mode or atomicity.
    """
    import json

    if mode not in {MAX, MIN}:
        message = f"mode must be {MAX!r} or {MIN!r}, not {mode!r}"
        raise ValueError(message)
    best: tuple[float, _core.Step] | None = None
    seen: set[str] = set()
    for row in read_steps(root, "committed", atomicity):
        *_, text, _, _ = row
        metrics: Mapping[str, object] = {} if text is None else json.loads(text)
        seen.update(metrics)
        value = metrics.get(metric)
        # A boolean is a number to Python, but nobody's metric. NaN alone is not equal to itself.
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:  # noqa: PLR0124
            continue
        if best is None or (value >= best[0] if mode == MAX else value <= best[0]):
            best = (value, row)
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
