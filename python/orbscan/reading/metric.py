"""One metric among those of a step: found by its name, shown in short form.

Metrics are a JSON object that may contain other objects, or anything else that a manager was given,
which then has no members. A name with dots reaches into objects: `eval.loss` is the member `loss`
of the object `eval`, unless there is a member named `eval.loss`.

Importing this module loads nothing else.
"""

from __future__ import annotations

from math import isfinite

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeGuard

    from orbscan.aliases import Metrics

MISSING = object()
"""The result of `find` if there is nothing."""

# Texts that would be ambiguous without quotes; a number begins with a digit or a minus.
_WORDS = frozenset({"", "true", "false", "null", "NaN", "Infinity"})
_SPECIAL = frozenset(' =,"[]{}')

# A longer name does not help. Members of hostile files may have names of megabytes.
_MAX_NAME = 200

# The maximum number of metrics with separate columns.
_ALIGNED = 8


def find(metrics: Metrics, name: str) -> object:
    """Return the value of a metric, or `MISSING`.

    At each level a member with the whole name comes first, then the object with the longest name.

    >>> find({"eval": {"loss": 0.5}}, "eval.loss"), find({"eval.loss": 1, "eval": {}}, "eval.loss")
    (0.5, 1)
    """
    waiting = [(metrics, name)]
    while waiting:
        found, rest = waiting.pop()
        if rest in found:
            return found[rest]
        for at, character in enumerate(rest):
            inner = found.get(rest[:at]) if character == "." else None
            if isinstance(inner, dict):
                waiting.append((inner, rest[at + 1 :]))
    return MISSING


def members(metrics: Metrics, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every metric with its name, in the order of the file; those in objects in their place.

    >>> list(members({"eval": {"loss": 0.5, "by_class": {}}, "loss": 1}))
    [('eval.loss', 0.5), ('eval.by_class', {}), ('loss', 1)]
    """
    waiting = [(prefix, iter(metrics.items()))]
    while waiting:
        above, rest = waiting[-1]
        for key, value in rest:
            name = f"{above}{key}"
            if isinstance(value, dict) and value and len(name) <= _MAX_NAME:
                waiting.append((f"{name}.", iter(value.items())))
                break
            yield name, value
        else:
            waiting.pop()


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a metric can be compared. A boolean counts as 0 or 1, as in Orbax."""
    # Only NaN is not equal to itself.
    return isinstance(value, int | float) and value == value  # noqa: PLR0124


def kind(value: object) -> str:
    """Return what a value is: a metric that is not a number, or metrics that are not an object.

    >>> kind({"loss": 1}), kind(None), kind(float("nan")), kind(0.5)
    ('an object', 'null', 'NaN', 'a number')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if is_number(value):
        return "a number"
    if isinstance(value, float):
        return "NaN"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"


def lines(all_metrics: Sequence[object], width: int) -> list[str]:
    """Show the metrics of several steps in lines, with equal names aligned, and cut short.

    Args:
        all_metrics: what each manager was given; None if there is nothing.
        width: the longest line.

    >>> lines([{"loss": 0.123456789, "acc": 1}, {"acc": 0.5}, None, [1, 2]], 80)
    ['loss=0.123457  acc=1', '               acc=0.5', '', '[1, 2]']
    """
    objects = [
        {name: _short(value)[: width + 1] for name, value in members(metrics)}
        if isinstance(metrics, dict)
        else None
        for metrics in all_metrics
    ]
    widths: dict[str, int] = {}
    for metrics in objects:
        for name, value in (metrics or {}).items():
            widths[name] = max(widths.get(name, 0), len(name) + 1 + len(value))
    if len(widths) > _ALIGNED:
        widths = {}
    shown = []
    for given, metrics in zip(all_metrics, objects, strict=True):
        if metrics is None:
            line = "" if given is None else _short(given)
        elif widths:
            cells = [
                f"{f'{name}={metrics[name]}' if name in metrics else '':<{wide}}"
                for name, wide in widths.items()
            ]
            line = "  ".join(cells).rstrip()
        else:
            line = "  ".join(f"{name}={value}" for name, value in metrics.items())
        shown.append(f"{line[:width]}..." if len(line) > width else line)
    return shown


def _short(value: object) -> str:
    """Show a value; a fraction with its first six digits."""
    if isinstance(value, float) and isfinite(value):
        return f"{value:.6g}"
    return _shown(value)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown_inside, value))}]"
    return _shown_inside(value)


def _shown_inside(value: object) -> str:
    """Show a value in a list, without anything deeper."""
    import json

    if isinstance(value, list | dict) and value:
        return "[...]" if isinstance(value, list) else "{...}"
    if isinstance(value, str) and not (
        value in _WORDS or value[0] in "-0123456789" or _SPECIAL.intersection(value)
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
