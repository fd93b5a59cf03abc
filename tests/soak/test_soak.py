"""A part of the soak: as many rounds as take a few seconds, and what each judge sees."""

from __future__ import annotations

import pytest

from tests.soak import kinds
from tests.soak.__main__ import Soak, bad, table
from tests.soak.readers import Reader
from tests.support.processes import HANGS

ROUNDS = 20


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> Soak:
    return Soak(tmp_path_factory.mktemp("soak"), readers=2, bound=HANGS, seed=1)


def test_no_answer_is_mixed_stale_or_wrong(soak: Soak) -> None:
    assert soak.run(lambda rounds: rounds == ROUNDS)
    assert soak.failures == []
    counts = soak.counts()
    assert bad(counts) == {}, table(counts)
    asked = {name for name, _ in counts}
    assert len(asked) == 7
    assert sum(counts.values()) == 2 * ROUNDS * (3 * 4 + 3)


def test_at_rest_everything_is_right(soak: Soak) -> None:
    (reader, *_) = soak.readers
    for place in reader._places:
        assert place.content is not None
        assert reader._metadata(place) == reader._du(place) == reader._verify(place) == "right"
    reader._earlier = {}
    reader._since(0)
    assert reader._since(0) in {"right", "unchanged"}
    assert reader._scan_steps() == "right"


def test_what_lies_in_another_place_is_seen(soak: Soak, monkeypatch: pytest.MonkeyPatch) -> None:
    (reader, *_) = soak.readers
    (place, *_) = reader._places
    content = place.content
    assert content is not None
    other = (content[1] + 1) % kinds.KINDS
    reader._since(0)
    monkeypatch.setattr(place, "_kind", other)
    assert reader._metadata(place) == reader._du(place) == "stale"


def test_a_call_that_takes_too_long_is_hung(soak: Soak) -> None:
    first = soak.readers[0]
    reader = Reader(first._places, first._steps, first._known, bound=-1.0, seed=0)
    reader.round()
    assert {ended for _, ended in reader.counts} == {"hung"}
    assert bad(reader.counts) == reader.counts
    assert "| metadata | 0 |" in table(reader.counts)
