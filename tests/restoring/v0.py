"""Answers of Orbax's older interface, in a form that can be compared whole."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np


def facts(answer: Any) -> Any:
    """All that an answer says: classes, containers, the order of keys, and every field."""
    if type(answer).__name__ == "_TreeMetadataImpl":
        own = [answer.custom_metadata, getattr(answer, "use_zarr3", None)]
        return [type(answer).__name__, facts(answer.tree), *own]
    if isinstance(answer, dict):
        return ["dict", [(key, facts(value)) for key, value in answer.items()]]
    if isinstance(answer, list | tuple):
        return [type(answer).__name__, [facts(each) for each in answer]]
    if dataclasses.is_dataclass(answer):
        named = [(each.name, getattr(answer, each.name)) for each in dataclasses.fields(answer)]
        return [type(answer), [(name, facts(value)) for name, value in named]]
    if isinstance(answer, np.ndarray):
        return ["array", answer.dtype, answer.tolist()]
    return [type(answer), answer]


def leaves(answer: Any) -> list[Any]:
    """The leaves of a tree of V0."""
    found: list[Any] = jax.tree.leaves(answer)
    return found
