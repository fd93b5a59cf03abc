"""A `file://` URL is taken wherever a path is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import orbscan
import orbscan.orbax as ocp
from tests.support import corpus
from tests.support.processes import output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASE = "o0.12.8-v1-sharded"

CALLS: dict[str, Callable[[str], object]] = {
    "metadata": orbscan.metadata,
    "checkpointables_metadata": orbscan.checkpointables_metadata,
    "is_orbax_checkpoint": orbscan.is_orbax_checkpoint,
    "verify": lambda path: orbscan.verify(path).to_dict(),
    "du": lambda path: orbscan.du(path).to_dict(),
    "diff": lambda path: orbscan.diff(path, path).same,
    "dump": lambda path: list(map(str, orbscan.dump(f"{path}/state/_METADATA"))),
    "steps": lambda path: [step.path for step in orbscan.steps(f"{path}/..")],
    "scan": lambda path: [(str(entry.path), entry.names) for entry in orbscan.scan(path)],
    "open_array": lambda path: orbscan.open_array(path, ("single",)).read().result().tolist(),
    "load": lambda path: str(orbscan.load(path, orbscan.metadata(path))),
    "load_checkpointables": lambda path: str(
        orbscan.load_checkpointables(path, orbscan.checkpointables_metadata(path))
    ),
    # As in Orbax, two answers are equal only if they are the same.
    "orbax.metadata": lambda path: ocp.metadata(path).metadata,
    "orbax.load": lambda path: str(ocp.load(path, ocp.metadata(path))),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in a directory whose name is another in a URL."""
    root = tmp_path_factory.mktemp("100% of a")
    corpus.unpack(corpus.GOLDEN / "corpus" / f"{CASE}.tar.gz", root)
    return root / CASE / "chunked"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_url_is_answered_like_its_path(checkpoint: Path, call: Callable[[str], object]) -> None:
    assert "%25%20" in checkpoint.as_uri()
    assert call(checkpoint.as_uri()) == call(str(checkpoint))


def test_commands_take_urls(checkpoint: Path) -> None:
    # As text, `ls` tells how old a checkpoint is by now.
    for command in (["show"], ["ls", "-o", "json"], ["verify"], ["du"]):
        said = [
            output([sys.executable, "-m", "orbscan", *command, path])
            for path in (str(checkpoint), checkpoint.as_uri())
        ]
        assert said[0] == said[1], command
