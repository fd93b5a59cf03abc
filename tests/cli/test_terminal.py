"""What a name holds never reaches the terminal as it is, whatever command shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orbscan.cli import main
from tests.hostile import ocdbt
from tests.hostile.attacks import ZARR, database, entry, tree

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "\x1b[2J\x1b]0;owned\x07\r\u202egpj.\x9b31m"
"""Clears the screen, sets the title, returns to the start of the line, turns the writing around."""

NAME = EVIL.replace("\x9b", "")

COMMANDS = {
    "show": ["show", "{}"],
    "show as json": ["show", "{}", "-o", "json"],
    "plan": ["plan", "{}"],
    "diff": ["diff", "{}", "{other}"],
    "verify": ["verify", "{}"],
    "du": ["du", "{}"],
    "ls": ["ls", "{root}"],
    "scan": ["scan", "{root}"],
    "steps": ["steps", "{root}"],
    "dump": ["dump", "{}/_METADATA"],
    "dump of a node": ["dump", "{}/d/x"],
    "what is not there": ["show", "{}/nowhere"],
    "what is not a checkpoint": ["show", "{}/d"],
}


def write(folder: Path, text: str) -> None:
    """A checkpoint that holds a text wherever a text may stand, and faults to speak of."""
    folder.mkdir(parents=True)
    jax = entry(text, value_type="jax.Array", write_shape=[1, 2, 3])
    strange = entry("strange", value_type=text)
    tree(folder, entry("w"), jax, strange, entry(f"lost{text}"))
    database(folder, ocdbt.leaf({f"{text}/.zarray".encode(): ZARR, b"w/.zarray": ZARR}))
    sharding = json.dumps({"sharding_type": text, "axis_names": [text]})
    (folder / "_sharding").write_text(json.dumps({"dw==": sharding}))
    header = {"custom_metadata": {text: text}, "item_handlers": text}
    (folder / "_CHECKPOINT_METADATA").write_text(json.dumps(header))


@pytest.mark.parametrize("command", COMMANDS)
def test_only_printable_text_is_printed(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / f"root{NAME}"
    write(root / "7", EVIL)
    write(root / "8", f"other{EVIL}")
    paths = {"root": root, "other": root / "8"}
    arguments = [text.format(root / "7", **paths) for text in COMMANDS[command]]
    status = main(arguments)
    out, err = capsys.readouterr()
    assert status in {0, 1, 2, 3, 5}
    assert out or err
    bad = {character for character in out + err if not character.isprintable()} - {"\n"}
    assert bad == set()
