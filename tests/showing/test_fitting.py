"""Tables that fit a width."""

from __future__ import annotations

import pytest

from orbscan.showing.fitting import Fitting, cut
from orbscan.showing.text import width

ROWS = [
    ("LEAF", "TYPE", "CHUNK", "SIZE"),
    ("params/layers[0]/attention/kernel", "float32[512,128]", "[128,64]", "256.0 KiB"),
    ("step", "int64", "", "8 B"),
]
GIVES = (("CHUNK", 0), ("LEAF", 20), ("TYPE", 8), ("TYPE", 0), ("LEAF", 12), ("SIZE", 0))


def fitted(columns: int | None, indent: int = 0) -> list[str]:
    return Fitting(columns).columns(ROWS, right={3}, gives=GIVES, indent=indent)


def test_without_a_width_nothing_is_cut() -> None:
    assert fitted(None) == fitted(1000)
    assert fitted(None)[1].startswith(ROWS[1][0])


def test_columns_give_way_in_their_order_and_only_as_far_as_needed() -> None:
    natural = max(map(width, fitted(None)))
    assert "[128,64]" not in fitted(natural - 1)[1]
    assert ROWS[1][0] in fitted(natural - 1)[1]
    assert fitted(60) == [
        "LEAF                             TYPE                   SIZE",
        "params/layers[0…ttention/kernel  float32[512,128]  256.0 KiB",
        "step                             int64                   8 B",
    ]


@pytest.mark.parametrize("columns", [1, 2, 5, 12, 20, 33, 47, 60, 79])
@pytest.mark.parametrize("indent", [0, 2])
def test_no_row_is_wider_than_it_may_be(columns: int, indent: int) -> None:
    assert all(width(line) <= max(columns - indent, 1) for line in fitted(columns, indent))


def test_what_is_left_out_gives_room_to_what_was_cut_before() -> None:
    rows = [("LEAF", "TYPE"), ("params/embedding", "float32[512,128]")]
    gives = (("LEAF", 8), ("TYPE", 0))
    assert Fitting(20).columns(rows, right=(), gives=gives) == ["LEAF", "params/embedding"]


def test_the_note_names_each_column_once() -> None:
    fitting = Fitting(50)
    for _ in range(2):
        fitting.columns(ROWS, right={3}, gives=GIVES)
    assert fitting.note() == ["not shown: CHUNK; --wide shows all"]
    assert Fitting().note() == []


def test_a_column_that_is_not_there_gives_nothing() -> None:
    rows = [("LEAF",), ("params/embedding",)]
    assert Fitting(8).columns(rows, right=(), gives=[("NOTE", 0), ("LEAF", 1)])[1] == "para…ing"


@pytest.mark.parametrize("most", range(12))
@pytest.mark.parametrize("text", ["params/kernel", "重みの名前と値", "e\u0301" * 20])
def test_a_cut_text_is_no_wider_than_it_may_be(text: str, most: int) -> None:
    assert width(cut(text, most)) <= most


def test_what_fits_is_not_cut() -> None:
    assert cut("kernel", 6) == "kernel"
