"""The examples of the documentation, run from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import jax

import orbscan
from orbscan.cli import main
from tools import demo

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = re.compile(r"^```console\n\$ orbscan (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run_examples(page: Path, names: dict[str, object], tmp: Path) -> int:
    """Run the Python of a page as one program, `/tmp/run` put elsewhere; count the examples."""
    text = page.read_text(encoding="utf-8")
    examples = list(EXAMPLE.finditer(text))
    for example in examples:
        # As many lines before it as in the file, for tracebacks that point into the page.
        lines = "\n" * (text.count("\n", 0, example.start()) + 1)
        code = example[1].replace("/tmp/run", str(tmp / "run"))  # noqa: S108
        exec(compile(lines + code, page, "exec"), names)  # noqa: S102
    return len(examples)


def test_the_examples_about_restoring_run(tmp_path: Path) -> None:
    assert run_examples(ROOT / "docs" / "restoring.md", {}, tmp_path) >= 8


def test_the_examples_about_steps_give_what_they_say(tmp_path: Path) -> None:
    names: dict[str, object] = {}
    assert run_examples(ROOT / "docs" / "steps.md", names, tmp_path) == 3
    root = tmp_path / "run" / "checkpoints"
    assert [step.step for step in orbscan.steps(root)] == [1000, 1100, 1200]
    assert orbscan.latest(root).step == 1200
    assert orbscan.best(root, "loss", "min").step == 1100
    assert orbscan.root_metadata(root).custom_metadata == {"owner": "vision"}


def test_the_examples_about_scanning_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "run"
    for step in (7, 10):
        demo.write_composite(root / "a" / str(step))
    names: dict[str, object] = {}
    assert run_examples(ROOT / "docs" / "scan.md", names, tmp_path) == 2
    paths = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert paths == [str(root / "a" / "7"), str(root / "a" / "10"), "10"]
    before = names["before"]
    assert isinstance(before, list)
    assert (len(before), names["changed"]) == (2, [])


def test_the_examples_about_the_restore_plan_give_what_they_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoints" / "1000"
    demo.write_composite(path)
    page = ROOT / "docs" / "restore-plan.md"
    names: dict[str, object] = {"orbscan": orbscan, "path": path}
    assert run_examples(page, names, tmp_path) == 1
    report = capsys.readouterr().out
    (command, shown) = CONSOLE.findall(page.read_text(encoding="utf-8"))[0]
    arguments = shlex.split(command.replace("checkpoints/1000", str(path)))
    assert main(arguments) == 0
    assert capsys.readouterr().out == shown
    # The example in Python says nothing of memory, and knows nothing of what was not chosen.
    own = ("memory", "name", "others")
    lines = [line for line in shown.splitlines() if not line.startswith(own)]
    assert report.splitlines() == lines


def test_every_page_with_python_is_run() -> None:
    pages = {page.stem for page in (ROOT / "docs").glob("*.md") if EXAMPLE.search(page.read_text())}
    here = {"restore-plan", "restoring", "scan", "steps"}
    # By tests of their own, beside those of what they are about.
    elsewhere = {"diff", "tables"}
    assert pages == here | elsewhere


def test_the_examples_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("demo-checkpoints/composite", "runs/base/7", "runs/base/10"):
        demo.write_composite(tmp_path / place)
    names: dict[str, object] = {
        "path": "demo-checkpoints/composite",
        "mesh": jax.make_mesh((2, 4), ("data", "model")),
    }
    assert run_examples(ROOT / "README.md", names, tmp_path) == 4
    found = names["m"]
    assert isinstance(found, orbscan.CheckpointMetadata)
    embedding = found.metadata["params"]["embedding"]
    assert (embedding.shape, str(embedding.dtype)) == ((512, 128), "float32")
    abstract = names["abstract"]
    assert isinstance(abstract, dict)
    assert dict(abstract["params"]["embedding"].sharding.mesh.shape) == {"data": 2, "model": 4}
