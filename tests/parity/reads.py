"""What the answer to one question about a path says of the answers to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orbscan
from tests.parity.asking import Outcome, once_for_each_content
from tests.parity.leaves import leaves

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parity.asking import Asked, Violations


def issues_are_findings(asked: Asked) -> Violations:
    """Whatever a read tolerates is told by verify: the same file, and the same subject."""
    for name, read in (("metadata", asked.metadata), ("checkpointables", asked.checkpointables)):
        for issue in () if read.value is None else read.value.issues:
            findings = () if asked.report.value is None else asked.report.value.findings
            if not any(_is_about(finding, issue) for finding in findings):
                yield f"{name}: {issue}; verify: {asked.report}"


def _is_about(finding: orbscan.Finding, issue: orbscan.Issue) -> bool:
    subjects = (finding.checkpointable, finding.param_name)
    named = any(f'"{subject}"' in issue.reason for subject in subjects if subject is not None)
    if finding.file == issue.file:
        if finding.code == "leaf-unsupported" and finding.reason.split('"')[1] in issue.reason:
            return True
        return named or finding.reason in issue.reason
    # A choice between checkpointables is a matter of the checkpoint that holds them.
    return named and str(finding.file).startswith(f"{issue.file}/")


def a_tree_is_the_same_by_its_name(asked: Asked) -> Violations:
    """What all checkpointables have under a name is what a read of that name gives."""
    if asked.checkpointables.value is None:
        return
    trees = asked.checkpointables.value.metadata
    for name, tree in trees.items():
        named = asked.named(name)
        # Words of Orbax's interface cannot be asked for as names.
        reserved = name in {"AUTO", "metrics"}
        lost = tree is None and named.error is not None
        if not (reserved or lost or (named.value and _same(named.value.metadata, tree))):
            yield f"checkpointables_metadata: {name}: {tree!r}; metadata({name!r}): {named}"
    chosen = asked.metadata.value
    if chosen is not None and not any(_same(chosen.metadata, tree) for tree in trees.values()):
        yield f"metadata: {chosen}; checkpointables_metadata: {asked.checkpointables}"


def _same(first: object, second: object) -> bool:
    return repr(first) == repr(second)


def what_reads_is_a_checkpoint(asked: Asked) -> Violations:
    """What can be read looks like a checkpoint."""
    is_orbax = asked.entry is not None and asked.entry.kind in {"v0", "v1"}
    if (asked.metadata.error is None and is_orbax) and asked.is_checkpoint.value is not True:
        yield f"metadata: {asked.metadata}; is_orbax_checkpoint: {asked.is_checkpoint}"


def a_diff_with_itself_is_empty(asked: Asked) -> Violations:
    """What can be read is the same as itself; what cannot is the same as nothing."""
    read, found = asked.metadata, asked.difference
    if found.value is None:
        if read.value is not None:
            yield f"metadata: {read}; diff: {found}"
        return
    pairs = found.value.checkpointables
    sides = [side for pair in pairs for side in (pair.before, pair.after) if side is not None]
    if read.error is not None and found.value.same and any(side.is_pytree for side in sides):
        yield f"metadata: {read}; diff: {found.value!r}"
    trees = _trees(asked)
    lost = any(
        isinstance(leaf, orbscan.UnreadableLeaf) for tree in trees for _, leaf in leaves(tree)
    )
    lost = lost or any(side.error is not None for side in sides)
    if (found.value.same, found.value.undecided) != (not lost, lost):
        yield f"metadata: {read}; checkpointables_metadata: {asked.checkpointables}; diff: {found}"


def _trees(asked: Asked) -> list[object]:
    """Every tree that can be read."""
    found = [] if asked.metadata.value is None else [asked.metadata.value.metadata]
    if asked.checkpointables.value is not None:
        found += asked.checkpointables.value.metadata.values()
    return found


def dump_ends_with_a_value_or_its_own_error(asked: Asked) -> Violations:
    """Any file can be taken apart, or is refused in the words of orbscan."""
    for name, file in asked.files.items():
        for violation in once_for_each_content(file, _failed_dumps):
            yield f"dump {name}: {violation}"


def _failed_dumps(file: Path) -> Violations:
    found = Outcome.of(lambda: str(orbscan.dump(file)))
    if found.error is not None and not isinstance(found.error, orbscan.OrbscanError):
        yield repr(found.error)
