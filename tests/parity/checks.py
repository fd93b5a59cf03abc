"""What `verify` says, in Python and on the command line, beside what reads say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orbscan.checking.document import SCHEMA_VERSION
from orbscan.cli.exits import FINDINGS, FINE, PARTIAL
from orbscan.showing.text import counted
from tests.damage.damages import CM, MANIFEST, TREE
from tests.parity.asking import Found, run
from tests.parity.twins import compared, refused, status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.parity.asking import Asked, Violations


_OF_PYTREES = {TREE, MANIFEST, "array_metadatas", "_strings.json"}
_BESIDE = {CM, "orbax.checkpoint", "commit_success.txt"}
"""What says that a directory is a checkpoint, and nothing of what is in it."""


def verify_prints_what_its_twin_returns(asked: Asked) -> Violations:
    """`verify` of a directory is a report of each checkpoint in it; in text with a sum."""
    alone = not asked.entries or [str(entry.path) for entry in asked.entries] == [str(asked.path)]
    if alone and asked.report.value is None:
        for output in ("json", "text"):
            yield from refused("verify", asked.report, run("verify", str(asked.path), "-o", output))
        return
    expected = _Expected()
    places: Sequence[Asked] = asked.places or [asked]
    for place in places:
        expected.add(asked, place)
    text = run("verify", "-v", str(asked.path))
    documents = [json.loads(line) for line in asked.cli("verify").out.splitlines()]
    yield from compared("verify", expected.documents, "verify -o json", documents)
    lines = [*expected.lines, *expected.sum()]
    yield from compared("verify", lines, "verify -o text", text.out.splitlines())
    for printed in (asked.cli("verify"), text):
        yield from compared("verify", expected.errors, "stderr", printed.err.splitlines())
        yield from status("verify", printed, expected.status)


class _Expected:
    """What the command prints, put together from what Python returns."""

    def __init__(self) -> None:
        self.documents: list[dict[str, object]] = []
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.below = False
        self.seen = self.ok = self.damaged = self.lost = self.uncommitted = 0

    def add(self, asked: Asked, place: Asked) -> None:
        """Take in what is found at the path that is asked about, or below."""
        self.seen += 1
        self.below |= isinstance(place, Found) and place.path != asked.path
        report = place.report
        if isinstance(place, Found) and place.path != asked.path and not place.found.committed:
            self.uncommitted += 1
            path, reason = str(place.found.path), place.found.commit_reason
            told = {"path": path, "committed": False, "reason": reason}
            self.documents.append({"schema_version": SCHEMA_VERSION, **told})
            self.lines.append(f"{path}: uncommitted: {reason}")
        elif report.value is None:
            self.errors.append(f"orbscan: error: {report.error}")
        else:
            self.ok += report.value.ok
            self.damaged += not report.value.ok
            self.lost += len(report.value.lost_leaves)
            self.documents.append(report.value.to_dict())
            self.lines += str(report.value).splitlines()

    def sum(self) -> Iterator[str]:
        """The last line, if there is one."""
        if self.seen > 1 or self.uncommitted or self.below:
            parts = [f"{self.ok} ok", f"{self.damaged} damaged"]
            parts.append(f"{counted(self.lost, 'leaf', 'leaves')} lost")
            if self.uncommitted:
                parts.append(f"{self.uncommitted} uncommitted")
            if self.errors:
                parts.append(f"{len(self.errors)} could not be checked")
            yield f"{counted(self.seen, 'checkpoint')}: {', '.join(parts)}"

    @property
    def status(self) -> int:
        """The exit code."""
        return FINDINGS if self.damaged else PARTIAL if self.errors else FINE


def what_metadata_refuses_is_an_error_of_verify(asked: Asked) -> Violations:
    """What cannot be read is not whole; a sound checkpoint may just have no pytree."""
    if asked.metadata.error is None or asked.report.value is None:
        return
    if asked.report.value.ok and not _has_no_pytree(asked):
        yield f"metadata: {asked.metadata}; verify: {asked.report}"


def _has_no_pytree(asked: Asked) -> bool:
    """Whether nothing in it is, or ever was, a file of a pytree, and something else is there.

    What lies deeper than in a checkpointable is not a part of it.
    """
    parts = {part for name in asked.files for part in name.split("/")[:2]}
    of_process = any(part.startswith("ocdbt.process_") for part in parts)
    return bool(parts - _BESIDE) and parts.isdisjoint(_OF_PYTREES) and not of_process
