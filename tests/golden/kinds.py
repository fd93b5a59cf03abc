"""Every kind of checkpoint by its name, as far as the running release has its interface."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path

Kind = Callable[[Path], None]

_MODULES = ("kinds_v0", "kinds_v1", "kinds_damaged")


@functools.cache
def every_kind() -> dict[str, Kind]:
    """From the name of a kind, as in INDEX.toml, to the function that writes it.

    A module that the release cannot import (there was no v1 before 0.11) is left out whole.
    """
    kinds: dict[str, Kind] = {}
    for name in _MODULES:
        try:
            module = importlib.import_module(f"tests.golden.{name}")
        except ImportError as error:
            print(f"left out all of {name}: {error}")  # noqa: T201  the scripts that ask want to know
            continue
        kinds.update(module.KINDS)
    return kinds


def by_name(*kinds: Kind) -> dict[str, Kind]:
    """Functions under their own names, as INDEX.toml spells them."""
    return {kind.__name__.replace("_", "-"): kind for kind in kinds}
