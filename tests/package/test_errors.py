"""The exception classes, and that both languages know the same kinds."""

from __future__ import annotations

import copy
import errno
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from orbscan import errors
from orbscan.errors import CLASS_OF_KIND, OrbscanError, error
from tests.support.processes import python

if TYPE_CHECKING:
    from collections.abc import Callable

    from orbscan.aliases import ErrorKind

FACTS = ("why", "state/d/903e", 41, True, errno.EACCES)


def repickled(thing: Any) -> Any:
    return pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own pickle


def test_both_languages_know_the_same_kinds() -> None:
    from orbscan import _core

    assert set(_core.ERROR_KINDS) == set(CLASS_OF_KIND)
    assert len(_core.ERROR_KINDS) == len(CLASS_OF_KIND)


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        ("not_found", (FileNotFoundError, errors.InvalidLayoutError, ValueError)),
        ("unknown_layout", (errors.InvalidLayoutError, ValueError)),
        ("uncommitted", (errors.InvalidLayoutError, ValueError)),
        ("no_such_checkpointable", (errors.InvalidLayoutError, ValueError)),
        ("deletion_in_progress", (errors.DeletionInProgressError, RuntimeError)),
        ("deletion_record", (errors.DeletionRecoveryError, RuntimeError)),
        ("malformed", (errors.FormatError, ValueError)),
        ("checksum", (errors.FormatError, ValueError)),
        ("unsupported", (errors.FormatError, ValueError)),
        ("limit", (errors.FormatError, ValueError)),
        ("store", (errors.StoreError, OSError)),
        ("memory", (errors.OutOfMemoryError, MemoryError)),
    ],
)
def test_each_kind_is_caught_as_what_a_caller_would_expect(
    kind: ErrorKind, parents: tuple[type[Exception], ...]
) -> None:
    for parent in (*parents, OrbscanError):
        assert isinstance(error(kind, *FACTS), parent)


def test_the_parents_of_every_kind_are_tested() -> None:
    (cases,) = [
        mark.args[1]
        for mark in test_each_kind_is_caught_as_what_a_caller_would_expect.pytestmark  # type: ignore[attr-defined]
    ]
    assert {kind for kind, _ in cases} == set(CLASS_OF_KIND)


def test_trouble_with_a_store_is_not_a_wrong_layout() -> None:
    assert not isinstance(error("store", *FACTS), ValueError)


@pytest.mark.parametrize("kind", sorted(CLASS_OF_KIND))
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, repickled])
@pytest.mark.parametrize(
    "facts", [FACTS, ("why", None, None, False, None), (*FACTS, ("state", ", and state"))]
)
def test_every_error_survives_pickling_and_copying(
    kind: ErrorKind, duplicate: Callable[[Any], Any], facts: tuple[Any, ...]
) -> None:
    original = error(kind, *facts)
    twin = duplicate(original)
    assert type(twin) is type(original)
    assert vars(twin) == vars(original)
    assert str(twin) == str(original)
    assert getattr(twin, "errno", None) == getattr(original, "errno", None)


@pytest.mark.parametrize("kind", sorted(CLASS_OF_KIND))
def test_every_error_carries_its_facts(kind: ErrorKind) -> None:
    this = error(kind, *FACTS)
    assert (this.kind, this.reason, this.file, this.offset, this.in_body) == (kind, *FACTS[:4])


@pytest.mark.parametrize("kind", ["not_found", "store"])
def test_os_errors_have_errno_and_filename(kind: ErrorKind) -> None:
    this = error(kind, "why", "state/_METADATA", None, False, errno.EACCES)  # noqa: FBT003
    assert isinstance(this, OSError)
    assert (this.errno, this.filename, this.strerror) == (errno.EACCES, "state/_METADATA", "why")


def test_a_missing_path_has_the_errno_of_a_missing_file() -> None:
    this = error("not_found", "does not exist", "1000")
    assert isinstance(this, FileNotFoundError)
    assert this.errno == errno.ENOENT


@pytest.mark.parametrize("kind", sorted(CLASS_OF_KIND))
@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (("why",), "why"),
        (("why", "f"), "f: why"),
        (("why", "f", 0), "f, byte 0: why"),
        (("why", "f", 41, True), "f, byte 41 of the decompressed body: why"),
        (("why", None, 41), "byte 41: why"),
    ],
)
def test_an_error_reads_like_a_finding(kind: ErrorKind, facts: tuple[Any, ...], text: str) -> None:
    assert str(error(kind, *facts)) == text


def test_the_module_loads_nothing_of_weight() -> None:
    code = (
        "import sys; before = set(sys.modules); import orbscan.errors;"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert set(python(code).split()) <= {"__future__", "errno", "orbscan", "orbscan.errors"}
