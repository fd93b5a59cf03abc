"""Reads checkpoints of all kinds and sizes, so that an instrumented extension writes its profile.

    python -m tools.pgo.train

The checkpoints are the golden ones, which ten releases of Orbax wrote, and, where TensorStore is
installed, larger states that the benches make. Each is read as often as users read its kind: most
often as a tree, then in scans, then by the other commands.
"""

import importlib.util
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orbscan
from benches import synthetic

ARCHIVES = Path(__file__).parents[2] / "tests" / "golden" / "corpus"
READS = 20
SIZES = (10, 100, 1_000)


def main() -> None:
    """Read everything."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for archive in sorted(ARCHIVES.glob("*.tar.gz")):
            with tarfile.open(archive) as members:
                members.extractall(root, filter="data")
        for leaves in SIZES:
            synthetic.unlike(root / f"unlike{leaves}", leaves)
        if importlib.util.find_spec("tensorstore") is None:
            print("    without TensorStore: the profile is that of small checkpoints alone")
        else:
            for leaves in SIZES:
                synthetic.write(root / f"{leaves}", [*arrays(leaves)])
            synthetic.llama(root / "llama", "8b")
            synthetic.many_chunks(root / "chunks", 10_000)
        train(root)


def arrays(leaves: int) -> Iterator[synthetic.Array]:
    """The arrays of a state in layers, laid over eight devices."""
    sharding = synthetic.named_sharding((8,), ("data",), ("data",))
    for number in range(leaves):
        keys = ("params", f"layer_{number // 4}", "dense", f"kernel_{number % 4}")
        yield synthetic.Array(keys, (64, 32), (8, 32), "float32", sharding)


def train(root: Path) -> None:
    """Read the checkpoints below a directory."""
    found = [entry.path for entry in orbscan.scan(root)]
    for path in found:
        for _ in range(READS):
            tolerated(orbscan.metadata, path)
        tolerated(orbscan.checkpointables_metadata, path)
        tolerated(orbscan.verify, path)
        tolerated(orbscan.du, path)
    for _ in range(READS):
        orbscan.scan(root).leaves()
        for entry in orbscan.scan(root):
            tolerated(lambda entry: entry.metadata, entry)


def tolerated(read: Callable[[Any], object], path: object) -> None:
    """Read one that may be damaged: some of the golden ones are."""
    try:
        read(path)
    except (orbscan.OrbscanError, ValueError):
        return


if __name__ == "__main__":
    main()
