"""Times what a restore asks of metadata by Orbax's older interface, with and without the patch.

    python -m benches.restoring [--workdir DIR] [--seconds S] [--json] [CASE ...]

A program that restores calls `PyTreeCheckpointer().metadata(path).item_metadata`, and then
`construct_restore_args` of that. Both are timed as they are and under `orbscan.orbax.patched()`,
in turns, as `side_by_side` tells. A case is `1000` or `10000` leaves, which Orbax writes on first
use, or `405b`, the train state of a model for 512 devices, which is made without the arrays. Each
runs in a process of its own: jax has as many devices as the checkpoint was saved from.
"""

import argparse
import dataclasses
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benches import compare, side_by_side, synthetic

CASES = ("1000", "10000", "405b")
LARGE_DEVICES = 512


def main() -> int:
    """Measures each case in a process of its own, prints a table or JSON."""
    options = parse_arguments()
    if options.alone:
        rows = measured(options.cases[0], options.workdir.resolve(), options.seconds)
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
        return 0
    found = []
    for case in options.cases:
        print(f"==> {case}", file=sys.stderr, flush=True)
        words = ["--workdir", str(options.workdir), "--seconds", str(options.seconds)]
        command = [sys.executable, "-m", "benches.restoring", *words, "--alone", case]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found += [side_by_side.comparison(row) for row in json.loads(ended.stdout)]
    print(json.dumps(compare.report(found), indent=2) if options.json else table(found))
    return 0


def parse_arguments() -> argparse.Namespace:
    """The options, with the module's first line as their description."""
    summary = __doc__.splitlines()[0]
    parser = argparse.ArgumentParser(prog="benches.restoring", description=summary)
    parser.add_argument("cases", nargs="*", default=CASES, choices=CASES, metavar="CASE")
    parser.add_argument("--workdir", type=Path, default=Path("bench-checkpoints"))
    parser.add_argument("--seconds", type=float, default=10.0, help="time for each call")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(case: str, workdir: Path, seconds: float) -> list[side_by_side.Comparison]:
    """Both calls of one case; to be asked in a process that has not yet loaded jax."""
    side_by_side.prepare()
    if not case.isdecimal():
        flag = f"--xla_force_host_platform_device_count={LARGE_DEVICES}"
        os.environ["XLA_FLAGS"] = flag
    logging.disable(logging.WARNING)
    path = checkpoint(case, workdir) / "state"
    import orbax.checkpoint as ocp

    from orbscan.orbax import patched

    def item_metadata() -> Any:
        return ocp.PyTreeCheckpointer().metadata(path).item_metadata.tree

    def restore_args(tree: Any) -> Any:
        return ocp.checkpoint_utils.construct_restore_args(tree)

    def answered_by_orbscan() -> Any:
        with patched():
            return item_metadata()

    theirs, ours = item_metadata(), answered_by_orbscan()
    count = f"{case} leaves" if case.isdecimal() else case
    return [
        side_by_side.compare(
            f"item_metadata, {count}", item_metadata, answered_by_orbscan, seconds
        ),
        side_by_side.compare(
            f"construct_restore_args, {count}",
            lambda: restore_args(theirs),
            lambda: restore_args(ours),
            seconds,
        ),
    ]


def checkpoint(case: str, workdir: Path) -> Path:
    """The checkpoint of a case; written if it is not there yet."""
    if case.isdecimal():
        return compare.checkpoint(workdir, int(case))
    path = workdir / f"llama-{case}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        synthetic.llama(path, case)
    return path


def table(found: list[side_by_side.Comparison]) -> str:
    """The comparisons as docs/restoring.md has them."""
    head = ("call", "leaves", "Orbax", "patched", "times")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|"]
    for row in found:
        call, _, of = row.call.partition(", ")
        leaves = f"{row.leaves:,}" + (f" ({of})" if "leaves" not in of else "")
        cells = (f"{row.orbax_ms:,.1f} ms", f"{row.orbscan_ms:,.1f} ms", f"{row.ratio:,.1f}")
        lines.append(f"| `{call}` | {leaves} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
