"""Colours that say something."""

from __future__ import annotations

import pytest

from orbscan.cli import output


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("runs/a: b/1: ok at level index", [("", "runs/a: b/1: "), ("good", "ok")]),
        (
            "p: state alone: damaged at level data (1 error)",
            [("", "p: state alone: "), ("bad", "damaged")],
        ),
        ("p: a part, ok at level index", [("", "p: "), ("good", "a part, ok")]),
        ("p: incomplete check at level index", [("", "p: "), ("unsure", "incomplete check")]),
    ],
)
def test_a_verdict_has_its_colour(line: str, pieces: output.Line) -> None:
    (shown,) = output.verdicts([line])
    assert shown[:2] == pieces
    assert "".join(text for _, text in shown) == line


def test_a_finding_has_the_colour_of_its_severity() -> None:
    found = "error chunk-missing: w: why\\n  means     lost".replace("\\n", "\n")
    _, first, second = output.verdicts(["p: damaged at level index", found])
    assert first == [("bad", "error"), ("", " chunk-missing: w: why")]
    assert second == [("", "  means     lost")]


def test_a_difference_has_the_colour_of_its_block() -> None:
    lines = [
        "a          x",
        "",
        "state: removed",
        "  w  float32[2]",
        "",
        "added, besides what",
        "  v",
    ]
    roles = [role for ((role, _),) in output.differences(lines)]
    assert roles == ["", "", "bad", "bad", "", "good", "good"]


def test_a_state_has_its_colour() -> None:
    states = ["committed  ", "uncommitted", "broken", "gone", "other"]
    assert [*map(output.state_role, states)] == ["good", "unsure", "bad", "unsure", ""]
