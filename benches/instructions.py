"""Counts the instructions that each decoder takes, which a busy machine does not change.

    python -m benches.instructions [PATH ...]

Needs valgrind and cargo. Without paths: every decoder of `decoders.rs`, for a checkpoint of 1,000
arrays. With paths: a whole read of each checkpoint, by `read.rs`. What is counted is the difference
between eleven rounds and one, divided by ten, so that start and input do not count.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

DECODERS = (
    *("tree_metadata", "tree_metadata_general", "tree", "shardings", "ocdbt", "zarr_v3"),
    "read_pytree",
)
MORE_ROUNDS = 10


def main() -> int:
    """Prints one line for each decoder or path."""
    parser = argparse.ArgumentParser(
        prog="benches.instructions", description=__doc__.splitlines()[0]
    )
    parser.add_argument("paths", nargs="*", type=Path, help="checkpoints to read as a whole")
    paths = parser.parse_args().paths
    if paths:
        program, names = executable("--example", "read"), [str(path.resolve()) for path in paths]
    else:
        program, names = executable("--bench", "decoders"), list(DECODERS)
    for name in names:
        print(f"{name:40} {instructions(program, name):>14,}", flush=True)
    return 0


def executable(*target: str) -> str:
    """Builds a program with optimisation and gives its path."""
    command = ["cargo", "build", "--release", "--package", "orbscan-core", *target]
    built = subprocess.run(
        [*command, "--message-format=json"], check=True, stdout=subprocess.PIPE, text=True
    )
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    programs = [message["executable"] for message in messages if message.get("executable")]
    return str(programs[-1])


def instructions(program: str, name: str) -> int:
    """The instructions of one round."""
    few, many = (count(program, name, str(rounds)) for rounds in (1, 1 + MORE_ROUNDS))
    return (many - few) // MORE_ROUNDS


def count(program: str, *arguments: str) -> int:
    """The instructions of a whole process, as callgrind counts them."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program]
    run = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if found is None:
        message = f"valgrind counted nothing:\n{run.stderr}"
        raise RuntimeError(message)
    return int(found[1])


if __name__ == "__main__":
    sys.exit(main())
