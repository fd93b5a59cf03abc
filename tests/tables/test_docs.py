"""The examples of the page about tables run, and print what the page shows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.test_examples import run_examples

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_shows_what_its_examples_print(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move(run, tmp_path / "run")
    assert run_examples(PAGE, {}, tmp_path) >= 6
    text = PAGE.read_text(encoding="utf-8")
    shown = "".join(block.split("```")[0] for block in text.split("```text\n")[1:])
    assert capsys.readouterr().out == shown
