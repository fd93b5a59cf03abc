"""Arrays are opened where the read found them, whatever else lies beside them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import jax.numpy as jnp
import orbax.checkpoint.experimental.v1 as ocp
import pytest

import orbscan

if TYPE_CHECKING:
    from pathlib import Path


def _save(path: Path, value: float, *, ocdbt: bool) -> Path:
    context = ocp.Context()
    context.array.saving.use_ocdbt = ocdbt
    with context:
        ocp.save(path, {"w": jnp.full(3, value)})
    return path / "state"


def _value(path: Path) -> float:
    values = orbscan.open_array(path, ["w"]).read().result()
    assert values.tolist() == [values[0]] * 3
    return float(values[0])


def test_a_database_that_lies_beside_the_files_of_arrays_is_not_opened(tmp_path: Path) -> None:
    files = _save(tmp_path / "files", 1.0, ocdbt=False)
    other = _save(tmp_path / "other", 2.0, ocdbt=True)
    for name in ("manifest.ocdbt", "d", "ocdbt.process_0"):
        (shutil.copytree if (other / name).is_dir() else shutil.copy)(other / name, files / name)
    assert _value(tmp_path / "files") == 1.0


def test_files_that_lie_beside_a_database_are_not_opened(tmp_path: Path) -> None:
    database = _save(tmp_path / "database", 1.0, ocdbt=True)
    other = _save(tmp_path / "other", 2.0, ocdbt=False)
    shutil.copytree(other / "w", database / "w")
    assert _value(tmp_path / "database") == 1.0


def test_an_array_of_which_any_process_may_have_values_is_not_opened(tmp_path: Path) -> None:
    item = _save(tmp_path / "c", 1.0, ocdbt=True)
    (item / "manifest.ocdbt").unlink()
    assert _value(tmp_path / "c") == 1.0
    # That of another process describes no array, and has values all the same.
    (item / "ocdbt.process_1").mkdir()
    with pytest.raises(orbscan.FormatError, match=r"'w' may be spread over .* never merged"):
        _value(tmp_path / "c")
