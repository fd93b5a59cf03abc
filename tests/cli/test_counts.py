"""One of a thing is not told as several, and names come in the order in which people count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import orbscan
from orbscan.cli import main, progress
from tests.support import handmade
from tests.support.handmade import JSON, Array

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE = {"w": Array((2,))}
TOP = Path(__file__).parents[2]
SOURCES = [
    *(TOP / "python" / "orbscan").rglob("*.py"),
    *(path for path in (TOP / "rust").glob("*/src/**/*.rs") if "testing" not in path.parts),
]
THINGS = "arrays bytes chunks devices dimensions directories entries files items keys leaves "
THINGS += "nodes runs steps values checkpoints generations"
PLAIN = re.compile(r"\{[^{}\"]*\} (?:more )?(?:" + "|".join(THINGS.split()) + r")\b")

# Limits, which are never one; numbers of which one is told in other words or cannot be; and the
# list of what a mesh is asked for, which is refused for less.
NEVER_ONE = re.compile(
    r"limit|more than|most|nested|no memory for|block of|has \{length\} devices|"
    r"its \{length\} devices|a plan at most|keypath|of \{n\} processes|the shardings of|"
    r"index_bytes|it has \{count\} steps|\{mesh\.devices\}|"
    # What stands in the braces is not a number.
    r"leaves steps out|counted\(|\{document\} files|\{implementation\} keys"
)


def spelled_out() -> Iterator[str]:
    for path in SOURCES:
        code = path.read_text("utf-8").partition("#[cfg(test)]")[0]
        lines = code.split("\n")
        for at, line in enumerate(lines):
            near = " ".join(lines[max(at - 2, 0) : at + 3])
            is_code = not line.lstrip().startswith(("//", "#", ">>>"))
            if is_code and PLAIN.search(line) and not NEVER_ONE.search(near):
                yield f"{path.relative_to(TOP)}:{at + 1}: {line.strip()}"


def test_numbers_of_things_are_told_by_the_function_for_that() -> None:
    assert [*spelled_out()] == []


def test_a_file_of_one_byte_has_one_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.ocdbt").write_bytes(b"\x0c")
    assert main(["dump", str(tmp_path / "manifest.ocdbt")]) == 1
    shown = capsys.readouterr()
    assert "1 byte" in shown.out + shown.err
    assert "1 bytes" not in shown.out + shown.err


def test_progress_knows_one_checkpoint_and_one_directory() -> None:
    assert progress.shown(1, 1, 1, 1) == "1 checkpoint, 1/s, 1 directory to go"


NAMES = ["params_9", "params_10", "params_100"]


@pytest.fixture
def composite(tmp_path: Path) -> Path:
    items: dict[str | None, Any] = {"a": JSON, **dict.fromkeys(reversed(NAMES), TREE)}
    return handmade.write(tmp_path / "c", items)


@pytest.mark.parametrize("command", [["show"], ["plan", "--mesh", "d=1"]])
def test_the_others_come_in_their_order(
    command: list[str], composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, *options = command
    assert main([name, str(composite), "--name", "params_9", *options]) == 0
    label = "items" if name == "show" else "others"
    (line,) = (text for text in capsys.readouterr().out.splitlines() if text.startswith(label))
    assert line.endswith(
        "a (json), params_9 (pytree, 1 leaf), params_10 (pytree), params_100 (pytree)"
        if name == "show"
        else "a (not a pytree), params_10, params_100"
    )


def test_du_has_the_checkpointables_in_their_order(
    composite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [leaf.checkpointable for leaf in orbscan.du(composite).leaves] == NAMES
    assert main(["du", str(composite)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("/")[0] for line in lines[1:4]] == NAMES


def test_diff_has_the_checkpointables_in_their_order(composite: Path, tmp_path: Path) -> None:
    other = handmade.write(tmp_path / "d", {"b_2": TREE, "b_10": TREE, "params_9": TREE})
    found = orbscan.diff(composite, other)
    before = [pair.before.name for pair in found.checkpointables if pair.before]
    assert before == ["a", *NAMES]
    added = [pair.after.name for pair in found.checkpointables if pair.after and not pair.before]
    assert added == ["b_2", "b_10"]


@pytest.mark.parametrize("command", ["verify", "ls"])
def test_checkpoints_come_in_their_order(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["run_9", "run_10", "5000", "199999"]
    for name in names:
        handmade.write(tmp_path / "root" / name, {"state": TREE})
    main([command, str(tmp_path / "root")])
    shown = capsys.readouterr().out
    assert shown.index("5000") < shown.index("199999")
    assert shown.index("run_9") < shown.index("run_10")
