"""What a command of the command line prints, beside what its twin in Python returns.

Both are brought to one form: what `json` makes of them.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orbscan
from orbscan.cli.exits import FINDINGS, FINE, NOT_FOUND, PARTIAL, STORE
from orbscan.errors import OrbscanError, StoreError
from orbscan.showing.documents import ISSUE, decoded
from tests.parity.asking import Asked, Outcome, Printed, once_for_each_content, run
from tests.parity.leaves import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parity.asking import Violations


def show_prints_what_metadata_returns(asked: Asked) -> Violations:
    """`show`: path, times, issues, and each leaf."""
    printed, read = asked.cli("show"), asked.metadata
    if read.value is None:
        yield from refused("metadata", read, printed)
        return
    found = read.value
    shown = printed.document
    ours = {
        "path": str(found.path),
        "init_timestamp_nsecs": found.init_timestamp_nsecs,
        "commit_timestamp_nsecs": found.commit_timestamp_nsecs,
        "custom_metadata": decoded(json.dumps(found.custom_metadata)),
        "issues": [_fault(issue) for issue in found.issues],
        "leaves": [(list(keypath), *_facts(leaf)) for keypath, leaf in leaves(found.metadata)],
    }
    theirs = {name: shown[name] for name in ours} | {
        "leaves": [_facts_shown(leaf) for leaf in shown["leaves"]]
    }
    yield from compared("metadata", ours, "show", theirs)
    yield from status("show", printed, FINE)


def _facts(leaf: Any) -> tuple[Any, ...]:
    """What is known of a leaf: value type, shape, dtype, chunks, write shape, error."""
    if isinstance(leaf, orbscan.UnreadableLeaf):
        return ("unreadable", None, None, None, None, _fault(leaf.error))
    if isinstance(leaf, orbscan.UnsupportedLeaf):
        return (leaf.typestr, None, None, None, None, None)
    if isinstance(leaf, orbscan.ArrayMetadata | orbscan.NumpyMetadata):
        stored = leaf.storage_metadata
        chunks = None if stored is None else (stored.chunk_shape, stored.write_shape)
        kind = "np.ndarray" if isinstance(leaf, orbscan.NumpyMetadata) else "jax.Array"
        return (kind, leaf.shape, str(leaf.dtype), *(chunks or (None, None)), None)
    kind = {
        "NoneType": "None",
        "str": "string",
        "dict": "Dict",
        "list": "List",
        "tuple": "Tuple",
    }.get(type(leaf).__name__, "scalar")
    return (kind, None, None, None, None, None)


_PLAIN = {"safetensors": "jax.Array", "NamedTuple": "None"}
"""What a reader gives that does not ask for rich types, where `show` has another word."""


def _facts_shown(leaf: dict[str, Any]) -> tuple[Any, ...]:
    kind = _PLAIN.get(leaf["value_type"], leaf["value_type"])
    array = kind in {"jax.Array", "np.ndarray"}
    members = ("shape", "dtype", "chunk_shape", "write_shape")
    known = [leaf[member] if array else None for member in members]
    return (leaf["keypath"], kind, *known, leaf["error"])


def du_prints_what_its_twin_returns(asked: Asked) -> Violations:
    """`du`: the usage."""
    printed = asked.cli("du")
    if asked.usage.value is None and printed.document and "checkpoints" in printed.document:
        # Of a directory of checkpoints the command tells what each of them takes.
        paths = sorted(row["path"] for row in printed.document["checkpoints"])
        yield from compared("du", sorted(str(entry.path) for entry in asked.entries), "du", paths)
        return
    if asked.usage.value is None:
        yield from refused("du", asked.usage, printed)
        return
    yield from compared("du", asked.usage.value.to_dict(), "du", printed.document)
    yield from status("du", printed, FINE, PARTIAL)


def steps_prints_what_its_twin_returns(asked: Asked) -> Violations:
    """`steps`: each with all its facts."""
    printed = asked.cli("steps")
    if asked.steps.value is None:
        yield from refused("steps", asked.steps, printed)
        return
    plain = ("step", "prefix", "name", "committed", "temporary", "commit_reason")
    times = ("init_timestamp_nsecs", "commit_timestamp_nsecs")
    ours = [
        {name: getattr(step, name) for name in (*plain, *times)}
        | {
            "path": str(step.path),
            "metrics": None if step.metrics is None else decoded(json.dumps(step.metrics)),
            "custom_metadata": decoded(json.dumps(step.custom_metadata)),
            "issues": [_fault(issue) for issue in step.issues],
            "error": None if step.error is None else _fault(step.error),
        }
        for step in asked.steps.value
    ]
    yield from compared("steps", ours, "steps", printed.document["steps"])
    others = asked.steps.value.others
    yield from compared("steps", list(others), "steps", printed.document["others"])
    whole = all(step.error is None for step in asked.steps.value)
    wanted = FINE if whole else PARTIAL
    yield from status("steps", printed, wanted if asked.steps.value or others else NOT_FOUND)


def diff_prints_what_its_twin_returns(asked: Asked) -> Violations:
    """`diff` of a path with itself."""
    printed = run("diff", str(asked.path), str(asked.path), "-o", "json")
    found = asked.difference
    if found.value is None:
        yield from refused("diff", found, printed)
        return
    shown = printed.document
    ours = {
        "a": found.value.a,
        "b": found.value.b,
        "same": found.value.same,
        "undecided": found.value.undecided,
        "checkpointables": [list(pair.what) for pair in found.value.checkpointables],
        "unchanged": found.value.unchanged,
        "changed": [list(change.keypath) for change in found.value.changed],
        "notes": list(found.value.notes),
    }
    theirs = {name: shown.get(name) for name in ours} | {
        "checkpointables": [pair["what"] for pair in shown["checkpointables"]],
        "unchanged": shown["totals"]["unchanged"],
        "changed": [change["keypath"] for change in shown["changed"]],
    }
    yield from compared("diff", ours, "diff", theirs)
    differing = PARTIAL if found.value.undecided else FINDINGS
    yield from status("diff", printed, FINE if found.value.same else differing)


def scan_and_ls_print_what_their_twins_return(asked: Asked) -> Violations:
    """`scan` prints both tables, `ls` that of checkpoints."""
    error = asked.entries[0].error if len(asked.entries) == 1 else None
    if isinstance(error, orbscan.CheckpointNotFoundError):
        # A root that does not exist is wrong use on the command line, an entry in Python.
        for printed in (asked.cli("scan"), asked.cli("ls")):
            yield from refused("scan", Outcome(error=error), printed)
        return
    for table in ("leaves", "checkpoints"):
        printed = asked.cli("scan", "--ordered", "--threads", "1", "--table", table)
        shown = _rows_printed(printed, "rows")
        yield from compared(
            f"table of {table}", _rows(asked, table), f"scan --table {table}", shown
        )
        if table == "checkpoints":
            listed = asked.cli("ls")
            rows = _rows_printed(listed, "checkpoints")
            yield from compared("scan --table checkpoints", shown, "ls", rows)
            yield from status("ls", listed, printed.status)


def _rows_printed(printed: Printed, member: str) -> Any:
    document = printed.document
    return document[member] if isinstance(document, dict) else document or []


def _rows(asked: Asked, table: str) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rows.jsonl"
        scan = orbscan.scan(asked.path, ordered=True, threads=1)
        orbscan.write_table(scan.leaves() if table == "leaves" else scan.checkpoints(), target)
        return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def dump_prints_what_its_twin_returns(asked: Asked) -> Violations:
    """`dump` of each file: every structure, every field."""
    for name, file in asked.files.items():
        for violation in once_for_each_content(file, _compared_dumps):
            yield f"dump {name}: {violation}"


def _compared_dumps(file: Path) -> Violations:
    """Beside each other, what both say of a file."""
    found: Outcome[list[orbscan.Dump]] = Outcome.of(lambda: orbscan.dump(file))
    printed = run("dump", str(file), "-o", "json")
    if found.value is None:
        yield from refused("dump", found, printed)
        return
    ours = [
        {
            "kind": structure.kind,
            "error": structure.error and structure.error.reason,
            "fields": [
                (field.level, field.offset, field.name, _spelled(field.value))
                for field in structure.fields
            ],
        }
        for structure in found.value
    ]
    theirs = [
        {
            "kind": structure["kind"],
            "error": structure["error"] and structure["error"]["reason"],
            "fields": [
                (field["level"], field["offset"], field["name"], field["value"])
                for field in structure["fields"]
            ],
        }
        for structure in printed.document["structures"]
    ]
    yield from compared("dump", ours, "dump on the command line", theirs)
    faults = any(structure.error for structure in found.value)
    yield from status("dump", printed, FINDINGS if faults else FINE)


def _spelled(value: Any) -> Any:
    return repr(value)[2:-1] if isinstance(value, bytes) else value


def _fault(fault: orbscan.Issue | OrbscanError) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in ISSUE}


def refused(name: str, outcome: Outcome[Any], printed: Printed) -> Violations:
    """What is raised in Python is told on stderr, with the exit code of its kind."""
    error = outcome.error
    if not isinstance(error, OrbscanError):
        yield f"{name}: {error!r} is none of orbscan's"
        return
    expected = STORE if isinstance(error, StoreError) else NOT_FOUND
    if printed.out or printed.status != expected:
        yield f"{name}: {outcome}; on the command line: {printed}"


def status(name: str, printed: Printed, *expected: int) -> Violations:
    if printed.status not in expected:
        yield f"{name}: exit code {printed.status} instead of {expected}: {printed}"


def compared(first: str, ours: Any, second: str, theirs: Any) -> Violations:
    """Two answers that should be the same in JSON; the first place where they are not."""
    a, b = (json.loads(json.dumps(answer)) for answer in (ours, theirs))
    if a != b:
        place, mine, other = next(_differences(a, b, ""))
        yield f"{place}: {first}: {mine!r}; {second}: {other!r}"


def _differences(a: Any, b: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _differences(a[key], b[key], f"{place}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, pair in enumerate(zip(a, b, strict=True)):
            yield from _differences(*pair, f"{place}[{index}]")
    elif a != b:
        yield place, a, b
