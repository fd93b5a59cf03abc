"""The tables of figures in the documentation have the form in which the benches print them."""

from __future__ import annotations

from benches.side_by_side import Comparison, comparison, medians, short_table, table
from tools.examples import ROOT


def test_medians_are_taken_call_by_call_over_runs() -> None:
    runs = [
        [Comparison("orbscan.metadata, 10 leaves", 10, ms, ms / 10, 3) for ms in pair]
        for pair in ((9.0, 30.0), (11.0, 10.0), (10.0, 20.0))
    ]
    found = medians(runs)
    assert [(row.orbax_ms, row.orbscan_ms, row.rounds) for row in found] == [
        (10.0, 1.0, 9),
        (20.0, 2.0, 9),
    ]
    told = {"call": "c", "leaves": 1, "orbax_ms": 2.0, "orbscan_ms": 1.0, "rounds": 3, "ratio": 2.0}
    assert comparison(told).ratio == 2
    assert table(found).splitlines()[0].split()[-2:] == ["ratio", "rounds"]
    assert comparison(told).limit_ms is None
    limited = [[Comparison("", 10, 9.0, ms * 1.5, 3, ms)] for ms in (2.0, 1.0, 4.0)]
    assert medians(limited)[0].limit_ms == 2
    assert table(medians(limited)).splitlines()[1].split()[-3:] == ["2.000", "1.50x", "9"]


def test_the_table_of_the_readme_is_printed_as_it_stands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    heading = next(line for line in text.splitlines() if line.startswith("  call   "))
    shown = text[text.index(heading) :].partition("  ```")[0]
    rows = []
    for line in shown.splitlines()[1:]:
        _, _, leaves, orbax, orbscan, _ = line.replace(",", "").split()
        rows.append(Comparison("", int(leaves), float(orbax), float(orbscan), 1))
    assert len(rows) == 4
    assert "".join(f"  {line}\n" for line in short_table(rows).splitlines()) == shown
