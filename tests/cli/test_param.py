"""`--param`: the same leaves in every command that has it, and nothing said of others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orbscan.cli import main
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

TREE = {
    "params": {
        "dense": {"kernel": Array((2,)), "bias": Array((3,))},
        "embed": Array((4,)),
        "layers": [{"kernel": Array((5,))}, {"kernel": Array((5,))}],
    },
    "opt": {"mu": {"dense": {"kernel": Array((2,))}}},
}
CHANGED = {
    "params": {
        "dense": {"kernel": Array((2,), "int8"), "scale": Array((3,))},
        "embed": Array((4,)),
        "layers": [{"kernel": Array((5,))}, {"kernel": Array((6,))}],
    },
    "opt": {"nu": {"dense": {"kernel": Array((2,))}}},
}
KERNELS = [
    "params/dense/kernel",
    "params/layers[0]/kernel",
    "params/layers[1]/kernel",
    "opt/mu/dense/kernel",
]
PATTERNS: dict[str, list[str]] = {
    "**/kernel": KERNELS,
    "params/layers[0..1]/*": KERNELS[1:3],
    "params/embed": ["params/embed"],
    "state/params/embed": ["params/embed"],
    "params/dense": ["params/dense/kernel", "params/dense/bias"],
    "dense": ["params/dense/kernel", "params/dense/bias", "opt/mu/dense/kernel"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "a", {"state": TREE, "config": JSON})


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return handmade.write(tmp_path / "b", {"state": CHANGED, "config": JSON})


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: object) -> tuple[int, str, str]:
        try:
            status = main([*map(str, words)])
        except SystemExit as ended:
            status = int(ended.code or 0)
        return (status, *capsys.readouterr())

    return run


def spelled(leaves: list[dict[str, Any]]) -> list[str]:
    texts = []
    for leaf in leaves:
        text = ""
        for entry in leaf["keypath"]:
            text += f"[{entry}]" if isinstance(entry, int) else f"/{entry}"
        texts.append(text.removeprefix("/"))
    return texts


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("command", ["show", "du", "plan"])
def test_every_command_takes_a_pattern_for_the_same_leaves(
    command: str, pattern: str, path: Path, run: Run
) -> None:
    more = ["--mesh", "x=1"] if command == "plan" else []
    status, out, _ = run(command, path, *more, "--param", pattern, "-o", "json")
    assert status == 0
    assert sorted(spelled(json.loads(out)["leaves"])) == sorted(PATTERNS[pattern])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_diff_is_of_these_leaves_of_both_sides(
    pattern: str, path: Path, other: Path, run: Run
) -> None:
    def changes(*words: str) -> dict[str, list[str]]:
        status, out, _ = run("diff", path, other, "-o", "json", *words)
        document = json.loads(out)
        kinds = ("changed", "removed", "added")
        found = {kind: spelled(document[kind]) for kind in kinds}
        assert status == (1 if any(found.values()) else 0)
        assert document["param"] == (words[1] if words else None)
        found["same"] = [""] * document["totals"]["unchanged"]
        return found

    # Those that only the other side has, of the same names.
    both = {
        "**/kernel": ["opt/nu/dense/kernel"],
        "params/dense": ["params/dense/scale"],
        "dense": ["params/dense/scale", "opt/nu/dense/kernel"],
    }
    wanted = {*PATTERNS[pattern], *both.get(pattern, [])}
    everything, found = changes(), changes("--param", pattern)
    for kind in ("changed", "removed", "added"):
        assert found[kind] == [leaf for leaf in everything[kind] if leaf in wanted]
    told = sum(map(len, found.values()))
    assert told == len(wanted)


def test_where_these_leaves_are_the_same_nothing_is_said_of_others(
    path: Path, other: Path, run: Run
) -> None:
    status, out, _ = run("diff", path, other, "--param", "params/embed")
    assert status == 0
    assert "param      params/embed: no other leaf was compared\n" in out
    assert "found      no difference\n" in out
    assert run("diff", path, other)[0] == 1


def test_renames_are_suggested_for_these_leaves_alone(path: Path, other: Path, run: Run) -> None:
    _, out, _ = run("diff", path, other, "-o", "json", "--param", "opt/**")
    [rename] = json.loads(out)["renamed"]
    assert [rename[side]["keypath"] for side in ("before", "after")] == [
        ["opt", "mu"],
        ["opt", "nu"],
    ]
    _, out, _ = run("diff", path, other, "-o", "json", "--param", "params/**")
    found = json.loads(out)["renamed"]
    assert [rename["before"]["keypath"] for rename in found] == [["params", "dense", "bias"]]


def test_values_of_other_leaves_are_not_compared(path: Path, run: Run) -> None:
    # Without any chunk no value can be read.
    assert run("diff", path, path, "--values")[0] == 5
    status, out, _ = run("diff", path, path, "--values", "--param", "params/embed", "-o", "json")
    found = json.loads(out)
    assert (status, found["values"]["not_compared"]) == (5, 1)


def test_usage_of_leaves_says_nothing_of_files(path: Path, run: Run) -> None:
    status, out, _ = run("du", path, "--param", "params/embed")
    assert status == 0
    assert "param      params/embed: no other leaf, and no file, is counted\n" in out
    assert "on disk" not in out
    assert "FILE" not in out
    document = json.loads(run("du", path, "--param", "params/embed", "-o", "json")[1])
    assert document["totals"]["nbytes"] == 16
    assert document["totals"]["total"] is None
    assert document["files"] is None
    whole = json.loads(run("du", path, "-o", "json")[1])
    assert whole["param"] is None
    assert whole["totals"]["total"] > 0


def test_a_plan_says_that_it_is_of_these_leaves(path: Path, run: Run) -> None:
    arguments = ["plan", path, "--mesh", "x=2", "--param", "**/kernel"]
    status, out, _ = run(*arguments)
    assert status == 0
    assert "param      **/kernel: no other leaf is in this plan\n" in out
    assert "saved      4 leaves, 56 B\n" in out
    assert json.loads(run(*arguments, "-o", "json")[1])["param"] == "**/kernel"


@pytest.mark.parametrize("command", ["show", "du", "plan", "diff"])
@pytest.mark.parametrize(
    ("pattern", "told"),
    [("*/kernel", "'**kernel**' matches 4 leaves"), ("embde", "the nearest are **embed**")],
)
def test_where_nothing_matches_what_does_is_named(
    command: str, pattern: str, told: str, path: Path, run: Run
) -> None:
    others: dict[str, list[object]] = {"diff": [path], "plan": ["--mesh", "x=1"]}
    more = others.get(command, [])
    status, out, said = run(command, path, *more, "--param", pattern)
    assert (status, out) == (3, "")
    assert f"no leaf matches {pattern!r}; {told}" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--files"], "--files shows all files, but --param is about leaves"),
        (["."], "--param is for one checkpoint"),
    ],
)
def test_what_does_not_go_with_leaves_is_wrong_use(
    words: list[str], told: str, path: Path, run: Run
) -> None:
    status, _, said = run("du", path, *words, "--param", "embed")
    assert status == 2
    assert told in said
