"""Everything that must hold between the answers of all commands about one path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.parity import checks, reads, scans, sizes, twins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.parity.asking import Asked, Violations

INVARIANTS: list[Callable[[Asked], Violations]] = [
    reads.issues_are_findings,
    reads.a_tree_is_the_same_by_its_name,
    reads.what_reads_is_a_checkpoint,
    reads.a_diff_with_itself_is_empty,
    reads.dump_ends_with_a_value_or_its_own_error,
    sizes.du_lists_each_file_once,
    sizes.du_has_each_byte_in_one_line,
    sizes.du_refuses_what_reads_refuse_as_a_whole,
    twins.show_prints_what_metadata_returns,
    twins.du_prints_what_its_twin_returns,
    twins.steps_prints_what_its_twin_returns,
    twins.diff_prints_what_its_twin_returns,
    twins.scan_and_ls_print_what_their_twins_return,
    twins.dump_prints_what_its_twin_returns,
    checks.verify_prints_what_its_twin_returns,
    checks.what_metadata_refuses_is_an_error_of_verify,
    scans.a_scan_says_what_reads_say,
    scans.steps_are_found_by_scan_ls_and_verify,
    scans.complete_is_what_has_lost_nothing,
]
"""Each is a function of what is asked of one path, and yields its violations."""


def violations(asked: Asked) -> Iterator[str]:
    """All violations at one path, each with the name of the invariant, the place and the path."""
    for invariant in INVARIANTS:
        for violation in invariant(asked):
            yield f"{invariant.__name__}: {asked.name}: {asked.path}: {violation}"
