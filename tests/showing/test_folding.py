"""Folding: siblings that differ in a number only become one entry, and ranges are exact."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orbscan.showing import keypaths
from orbscan.showing.folding import fold
from orbscan.showing.keypaths import ranges


def shown(*siblings: tuple[str | int, int]) -> list[tuple[str, int]]:
    return [(keypaths.key_entry(entry), times) for entry, _, times in fold(siblings)]


@pytest.mark.parametrize(
    ("siblings", "expected"),
    [
        ([(0, 1), (1, 1), (2, 1)], [("[0..2]", 3)]),
        ([(0, 1), (1, 2), (2, 1), (3, 2)], [("[0,2]", 2), ("[1,3]", 2)]),
        ([(n, n % 2) for n in range(6)], [("[0..4:2]", 3), ("[1..5:2]", 3)]),
        ([("a_0", 1), ("a_1", 1)], [("a_{0,1}", 2)]),
        ([("a_0", 1), ("a_1", 2)], [("a_0", 1), ("a_1", 1)]),
        ([("0", 1), ("1", 1), ("10", 1), ("2", 1)], [("{0..2,10}", 4)]),
        ([("l09", 1), ("l10", 1), ("l11", 1)], [("l{09..11}", 3)]),
        ([("l09", 1), ("l10", 1), ("l100", 1)], [("l{09,10}", 2), ("l100", 1)]),
        ([("h1_w", 1), ("h2_w", 1), ("h3_b", 1)], [("h{1,2}_w", 2), ("h3_b", 1)]),
        ([("b1c2", 1), ("b1c3", 1), ("b2c3", 1)], [("b1c{2,3}", 2), ("b2c3", 1)]),
        ([("a", 1), ("b", 1), ("", 1)], [("a", 1), ("b", 1), ("''", 1)]),
        ([("a b1", 1), ("a b2", 1)], [("'a b'{1,2}", 2)]),
        ([("{0..2}", 1)], [("'{0..2}'", 1)]),
        ([("9" * 30, 1), ("8" * 30, 1)], [("9" * 30, 1), ("8" * 30, 1)]),
        ([("٣", 1), ("٤", 1)], [("٣", 1), ("٤", 1)]),
    ],
)
def test_siblings_fold(
    siblings: list[tuple[str | int, int]], expected: list[tuple[str, int]]
) -> None:
    assert shown(*siblings) == expected


def test_what_is_folded_stands_in_the_place_of_its_first() -> None:
    assert shown(("b1", 1), ("a", 1), ("b2", 1)) == [("b{1,2}", 2), ("a", 1)]


@given(st.sets(st.integers(0, 60)))
def test_ranges_lose_and_invent_nothing(numbers: set[int]) -> None:
    found: list[int] = []
    for part in filter(None, ranges([str(number) for number in sorted(numbers)]).split(",")):
        first, last, step = re.fullmatch(r"(\d+)(?:\.\.(\d+))?(?::(\d+))?", part).groups()  # type: ignore[union-attr]
        found += range(int(first), int(last or first) + 1, int(step or 1))
    assert found == sorted(numbers)


@given(
    st.lists(st.tuples(st.text("a01_", max_size=4), st.integers(0, 1)), unique_by=lambda s: s[0])
)
def test_every_sibling_is_counted_once(siblings: list[tuple[str, int]]) -> None:
    folded = fold(siblings)
    assert sum(times for _, _, times in folded) == len(siblings)
    entries = [keypaths.key_entry(entry) for entry, _, _ in folded]
    signatures = [siblings[position][1] for _, position, _ in folded]
    assert len(set(zip(entries, signatures, strict=True))) == len(folded)
