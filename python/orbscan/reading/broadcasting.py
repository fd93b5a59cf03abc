"""One process reads, and all processes of a JAX program have the result.

A thousand hosts that ask a store for the same small files are a thousand times the requests. The
result goes through the key-value store of JAX's coordination service, in which every process takes
part that has called `jax.distributed.initialize`. No process waits for the others to have it, so
that one that has ended holds nobody up.
"""

from __future__ import annotations

import hashlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from orbscan.errors import OrbscanError
from orbscan.extras import need
from orbscan.model.leaves import UnreadableLeaf
from orbscan.model.result import CheckpointMetadata

if TYPE_CHECKING:
    from collections.abc import Callable

READER = 0
"""The process that reads."""

TIMEOUT = 600.0
"""Seconds after which the process that reads is no longer waited for."""

_PREFIX = "orbscan/metadata"
_PIECE = 1 << 20
"""Bytes of one value: the service takes messages of up to four times as many."""

_LOOKED_AT = 8
"""Of how many earlier results a call asks whether they can be deleted."""


class _Head(msgspec.Struct, array_like=True):
    """What is said of a result.

    Attributes:
        question: a digest of what was asked.
        pieces: how many there are of it.
        is_error: whether the tree is an `UnreadableLeaf` with the error of the read.
        failure: what an error says that is not orbscan's; then there are no pieces.
    """

    question: str
    pieces: int
    is_error: bool = False
    failure: str | None = None


class _Calls:
    """What this process has done so far.

    Attributes:
        made: how often it has taken part, which is the name of the next result.
        kept: results of the process that reads which others may not have yet.
    """

    made = 0
    kept: ClassVar[deque[int]] = deque()


def once_for_all(
    read: Callable[[], CheckpointMetadata[Any]], what: str, question: str
) -> CheckpointMetadata[Any]:
    """Read in one process, and give the result in all; without such a program, just read.

    Args:
        read: gives the result.
        what: is read, for errors.
        question: all of what is asked, in the same words in each process.

    Raises:
        ImportError: jax is not installed.
        OrbscanError: the same in all processes, if the reading one raises it.
        RuntimeError: the process that reads raised another error, or did not answer.
        ValueError: it was asked another question.
        Exception: in the process that reads, whatever that raises.
    """
    need("jax", "a read for many hosts")
    # What multihost_utils and Orbax use as well; there is no public name for it.
    from jax._src import distributed

    state: Any = distributed.global_state
    if state.client is None or state.num_processes == 1:
        return read()
    number = _Calls.made
    _Calls.made += 1
    place = f"{_PREFIX}/{number}"
    digest = hashlib.sha256(question.encode(errors="surrogatepass")).hexdigest()
    if state.process_id == READER:
        _forget(state)
        _Calls.kept.append(number)
        return _given(state.client, place, digest, read)
    return _taken(state, place, digest, what)


def _given(
    client: Any, place: str, digest: str, read: Callable[[], CheckpointMetadata[Any]]
) -> CheckpointMetadata[Any]:
    """Read, and put what came of it where the others look."""
    try:
        found = read()
        data = found.to_bytes()
    except OrbscanError as error:
        carried = CheckpointMetadata(Path(), metadata=UnreadableLeaf(error))
        _put(client, place, carried.to_bytes(), _Head(digest, 0, is_error=True))
        raise
    except BaseException as error:
        failure = f"{type(error).__name__}: {error}"
        _put(client, place, b"", _Head(digest, 0, failure=failure))
        raise
    _put(client, place, data, _Head(digest, 0))
    return found


def _put(client: Any, place: str, data: bytes, head: _Head) -> None:
    pieces = [data[start : start + _PIECE] for start in range(0, len(data), _PIECE)]
    for number, piece in enumerate(pieces):
        client.key_value_set_bytes(f"{place}/{number}", piece)
    # Last: whoever finds it finds the rest.
    head.pieces = len(pieces)
    client.key_value_set_bytes(f"{place}/head", msgspec.msgpack.encode(head))


def _taken(state: Any, place: str, digest: str, what: str) -> CheckpointMetadata[Any]:
    """Wait for what the process that reads has put there."""

    def get(name: str) -> bytes:
        try:
            value: bytes = state.client.blocking_key_value_get_bytes(
                f"{place}/{name}", int(TIMEOUT * 1000)
            )
        except Exception as error:
            message = (
                f"process {READER}, which reads {what} for all, has not answered within "
                f"{TIMEOUT:g} s: {error}"
            )
            raise RuntimeError(message) from error
        return value

    head = msgspec.msgpack.decode(get("head"), type=_Head)
    if head.question != digest:
        message = (
            f"process {READER} reads something else than {what}: all processes make the same "
            "calls in the same order"
        )
        raise ValueError(message)
    if head.failure is not None:
        message = f"process {READER}, which reads {what} for all, has failed: {head.failure}"
        raise RuntimeError(message)
    data = b"".join([get(str(number)) for number in range(head.pieces)])
    state.client.key_value_set_bytes(f"{place}/had/{state.process_id}", b"1")
    found = CheckpointMetadata.from_bytes(data)
    if head.is_error:
        raise found.metadata.error
    return found


def _forget(state: Any) -> None:
    """Delete earlier results that all processes have."""
    for _ in range(min(_LOOKED_AT, len(_Calls.kept))):
        number = _Calls.kept.popleft()
        place = f"{_PREFIX}/{number}"
        had = state.client.key_value_dir_get_bytes(f"{place}/had/")
        if len(had) == state.num_processes - 1:
            state.client.key_value_delete(f"{place}/")
        else:
            _Calls.kept.append(number)
