"""The examples of the page about differences run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.docs.test_examples import ROOT, run_examples

if TYPE_CHECKING:
    from pathlib import Path


def test_the_examples_about_differences_run(tmp_path: Path) -> None:
    assert run_examples(ROOT / "docs" / "diff.md", {}, tmp_path) == 2
