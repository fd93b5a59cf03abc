"""The layouts that damage is done to, and what a read then raises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path

ITEM = {"v1": "state", "v0": "state", "flat": "."}
LAYOUTS = pytest.mark.parametrize("layout", ["v1", "v0", "flat"])


def refusal(root: Path, error: type[Exception] = orbscan.FormatError) -> orbscan.OrbscanError:
    with pytest.raises(error) as caught:
        orbscan.metadata(root)
    assert isinstance(caught.value, orbscan.OrbscanError)
    return caught.value
