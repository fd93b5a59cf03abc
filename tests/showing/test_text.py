"""Small pieces of text."""

from __future__ import annotations

import pytest

from orbscan.showing import text
from orbscan.showing.fitting import Fitting


@pytest.mark.parametrize(
    ("written", "nbytes"),
    [
        ("0", 0),
        ("16", 16),
        ("16B", 16),
        ("16 GiB", 16 * 2**30),
        ("16gib", 16 * 2**30),
        ("80GB", 80 * 10**9),
        ("1.5kB", 1500),
        ("0.5 MiB", 2**19),
        ("2EiB", 2 * 2**60),
    ],
)
def test_sizes_are_read(written: str, nbytes: int) -> None:
    assert text.parsed_size(written) == nbytes


@pytest.mark.parametrize(
    "written", ["", "GiB", "-1", "1.2.3", "16 GiBs", "1e9", "16G B", "١٦", "."]
)
def test_what_is_no_size_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not a size such as 16GiB"):
        text.parsed_size(written)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    rows = [("LEAF", "TYPE"), ("重み", "a"), ("größe", "b"), ("e\u0301e\u0301", "c")]
    assert Fitting().columns(rows, right=(), gives=()) == [
        "LEAF   TYPE",
        "重み   a",
        "größe  b",
        "e\u0301e\u0301     c",
    ]
