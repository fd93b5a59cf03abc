"""The checkpoints of `orbscan demo`, and what pages of them hold."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from orbscan.cli.demo import unpack

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that `orbscan demo` writes; no test changes it."""
    root = tmp_path_factory.mktemp("pages") / "demo"
    unpack(str(root))
    return root


def data_of(html: str, number: int = 0) -> Any:
    """The data of a page: what its script sees."""
    found = re.search(rf'id="tree-{number}">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def at(column: Any, number: int) -> Any:
    """The value of a column, which is one value where all are the same."""
    return column[number] if isinstance(column, list) else column


def rows_of(data: Any) -> list[dict[str, Any]]:
    """The nodes of a page as its script makes them: a row for each, `kind` None for no leaf."""
    rows: list[dict[str, Any]] = []
    for number in range(data["size"]):
        row = {name: at(column, number) for name, column in data["nodes"].items()}
        label, above = data["texts"][row["label"]], rows[row["parent"]] if row["parent"] > 0 else {}
        path = above.get("path", "")
        row["path"] = path + label if not path or label.startswith("[") else f"{path}/{label}"
        kind = row["kind"]
        columns = data["kinds"].items()
        row["kind"] = None if kind < 0 else {name: at(values, kind) for name, values in columns}
        rows.append(row)
    return rows


def facts_of(html: str) -> dict[str, str]:
    """What stands at the head of a page."""
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)(?:<small>|</dd>)", html)
    # That of a page of many comes before those of its steps.
    return {unescape(label): unescape(text) for label, text in reversed(found)}
