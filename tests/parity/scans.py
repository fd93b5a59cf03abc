"""What a scan says of a path, beside what reads, `steps` and `verify` say of it."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orbscan
from orbscan.cli.exits import FINE, PARTIAL
from tests.damage.damages import CM
from tests.parity.asking import Outcome
from tests.parity.leaves import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parity.asking import Asked, Found, Violations


def a_scan_says_what_reads_say(asked: Asked) -> Violations:
    """The tree, the issues and the error of each entry are those that reads of its path give.

    What a scan finds at the path itself and below is asked about; where it finds nothing at the
    path, no tree is read, unless several checkpoints are taken for one (`is_one_to_reads`).
    """
    for place in asked.places:
        entry = place.found
        if entry.state == "unread":
            yield from _unread(place, entry)
            continue
        if not _same_answer(place, entry):
            yield f"{entry}: {entry.error or entry.metadata}; metadata: {place.metadata}"
        if entry.kind != "unknown":
            yield from _same_checkpointables(place, entry)
    if asked.entry is None and not is_one_to_reads(asked):
        read = asked.checkpointables.value
        if asked.metadata.error is None or (read and any(read.metadata.values())):
            yield f"scan: nothing; {asked.metadata}; {asked.checkpointables}"


def is_one_to_reads(asked: Asked) -> bool:
    """Whether reads take for the items of one checkpoint what a scan takes for several.

    So it is with a directory in which there is nothing but checkpoints that have no
    `_CHECKPOINT_METADATA`, as before 0.5.11: each might be an item, and Orbax reads them as such.
    """
    read = asked.checkpointables.value
    if read is None or not asked.entries:
        return False
    names = {str(asked.path / name) for name in read.metadata}
    return all(
        str(entry.path) in names and not (Path(entry.path) / CM).exists() for entry in asked.entries
    )


def _unread(place: Found, entry: orbscan.CheckpointEntry) -> Violations:
    """What is not committed is not read, unless it is a partial save, and then says so."""
    if entry.committed or entry.metadata is not None or entry.checkpointables is not None:
        yield f"{entry}: {entry.commit_reason}: {entry.metadata}"
    for read in (place.metadata, place.checkpointables):
        told: Any = read.value.issues if read.value is not None else (read.error,)
        nameless = "it has no named checkpointables" in str(read.error)
        if not nameless and not any(fault.kind == "uncommitted" for fault in told):
            yield f"{entry}: {entry.commit_reason}; {read}"


def _same_answer(place: Found, entry: orbscan.CheckpointEntry) -> bool:
    error, told = place.metadata.error, entry.error
    if error is None:
        return told is None and repr(place.metadata.value) == repr(entry.metadata)
    if told is None:
        return entry.metadata is None and _just_lacks_a_pytree(place)
    if type(error) is not type(told):
        return False
    # A root may be a directory of checkpoints, what is read may not: so what was expected differs.
    if entry.kind == "unknown" and place.path.is_file():
        return True
    # Who names a broken step is told of the newest whole one.
    return str(error).partition("; the newest whole step is")[0] == str(told)


def _just_lacks_a_pytree(place: Found) -> bool:
    error = place.metadata.error
    return isinstance(error, orbscan.InvalidLayoutError) and "has no pytree" in error.reason


def _same_checkpointables(place: Found, entry: orbscan.CheckpointEntry) -> Violations:
    """Reads of all checkpointables refuse what has a tree without a name, or name what it lost."""
    read, found = place.checkpointables, entry.checkpointables
    if found is None or read.value is None:
        # What has a tree of its own is not read by names; what has lost the only one is refused.
        nameless = "it has no named checkpointables" in str(read.error)
        lost = str(read.error) == str(place.metadata.error)
        if not (read.value is None and (found is None or nameless or lost)):
            yield f"{entry}: {found}; checkpointables_metadata: {read}"
    elif entry.names == (None,):
        told = [issue.reason for issue in read.value.issues]
        if entry.error is None or not any(reason in str(entry.error) for reason in told):
            yield f"{entry}: {found}; checkpointables_metadata: {read}"
    else:
        # No read looks at metrics.
        issues = [issue for issue in found.issues if not _is_about_metrics(issue, entry)]
        ours = dataclasses.replace(found, issues=tuple(issues))
        if repr(read.value) != repr(ours):
            yield f"{entry}: {found}; checkpointables_metadata: {read}"


def _is_about_metrics(issue: orbscan.Issue, entry: orbscan.CheckpointEntry) -> bool:
    return issue.file == f"{entry.path}/metrics/metrics"


def steps_are_found_by_scan_ls_and_verify(asked: Asked) -> Violations:
    """Whatever `steps` calls a step, or names beside steps, the others find, too.

    A name alone is enough for `steps`, as for a manager of Orbax: no read takes such a step for a
    checkpoint. Of a directory and links to it a scan gives one.
    """
    if asked.steps.value is None:
        return
    named = [str(step.path) for step in asked.steps.value if not _by_name_alone(step)]
    named += [str(asked.path / name) for name in asked.steps.value.others]
    found = {
        "scan": {str(entry.path) for entry in asked.entries},
        "ls": {row["path"] for row in (asked.cli("ls").document or {}).get("checkpoints", ())},
        "verify": asked.verified,
    }
    for command, paths in found.items():
        real = {os.path.realpath(path) for path in paths}
        for path in named:
            if os.path.realpath(path) not in real:
                yield f"steps: {path}; {command}: {sorted(paths)}"


def _by_name_alone(step: orbscan.Step) -> bool:
    read = Outcome.of(lambda: orbscan.metadata(step, allow_uncommitted=True))
    return isinstance(read.error, orbscan.InvalidLayoutError) and not [*orbscan.scan(step)]


def complete_is_what_has_lost_nothing(asked: Asked) -> Violations:
    """`complete` is the same in entries and tables, and false exactly if a read has lost a part."""
    for place in asked.places:
        entry = place.found
        lost = [*_losses(place)]
        if entry.complete is None:
            if entry.state != "unread":
                yield f"{entry}: complete is None"
        elif entry.complete and lost:
            yield f"{entry}: complete, without {lost}"
        elif not entry.complete and not lost and not _told_issues(entry):
            yield f"{entry}: not complete, and nothing says why"
    yield from _same_in_tables(asked)


def _losses(place: Found) -> Iterator[str]:
    """What reads say that could not be read."""
    entry = place.found
    if entry.state == "unread":
        return
    if place.metadata.error is not None and not (
        entry.error is None and _just_lacks_a_pytree(place)
    ):
        yield f"metadata: {place.metadata}"
    trees = {} if place.checkpointables.value is None else place.checkpointables.value.metadata
    if place.metadata.value is not None:
        trees = {**trees, "AUTO": place.metadata.value.metadata}
    for name, tree in trees.items():
        for keypath, leaf in leaves(tree):
            if isinstance(leaf, orbscan.UnreadableLeaf):
                yield f"{name}: {keypath}: {leaf}"
        if tree is None and name not in {"AUTO", "metrics"}:
            error = place.named(name).error
            if isinstance(error, orbscan.FormatError | orbscan.StoreError):
                yield f"{name}: {error}"


def _told_issues(entry: orbscan.CheckpointEntry) -> bool:
    return entry.checkpointables is not None and bool(entry.checkpointables.issues)


def _same_in_tables(asked: Asked) -> Violations:
    """Each row of a table says of its checkpoint what the entry says."""
    expected = Counter((str(entry.path), entry.complete) for entry in asked.entries)
    for table in ("checkpoints", "leaves"):
        printed = asked.cli("scan", "--ordered", "--threads", "1", "--table", table)
        document = printed.document
        rows = document["rows"] if isinstance(document, dict) else ()
        said = Counter((row["path"], row["complete"]) for row in rows)
        if table == "leaves":
            # Null does not stand in a table of leaves: what was not read has none.
            if not said.keys() <= expected.keys():
                yield f"entries: {expected}; table of leaves: {said}"
        elif rows and said != expected:
            yield f"entries: {expected}; table of checkpoints: {said}"
        partial = any(entry.complete is False for entry in asked.entries)
        if rows and printed.status != (PARTIAL if partial else FINE):
            yield f"entries: {expected}; exit code {printed.status}"
