"""One process reads, and all processes of a JAX program get the result.

A thousand hosts that read the same small files make a thousand times the requests. The result goes
through the key-value store of JAX's coordination service, which every process that has called
`jax.distributed.initialize` can use. No process waits until the others have it, so one that has
ended does not hold up the others.
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
"""The time after which the process that reads is no longer waited for, in seconds."""

_PREFIX = "orbscan/metadata"
_PIECE = 1 << 20
"""The largest value, in bytes: the service accepts messages four times as long."""

_LOOKED_AT = 8
"""The number of earlier results that a call tries to delete."""


class _Head(msgspec.Struct, array_like=True):
    """The description of a result.

    Attributes:
        question: a digest of the arguments.
        pieces: the number of pieces of the result.
        is_error: whether the tree is an `UnreadableLeaf` with the error of the read.
        failure: the text of an error that is not orbscan's; then there are no pieces.
    """

    question: str
    pieces: int
    is_error: bool = False
    failure: str | None = None


class _Calls:
    """The calls of this process so far.

    Attributes:
        made: how many calls it has made, which is the name of the next result.
        kept: results of the reading process that others may not have yet.
    """

    made = 0
    kept: ClassVar[deque[int]] = deque()


def once_for_all(
    read: Callable[[], CheckpointMetadata[Any]], what: str, question: str
) -> CheckpointMetadata[Any]:
    """Read in one process, and return the result in all; in a program of one process, just read.

    Args:
        read: returns the result.
        what: what is read, for errors.
        question: all of the arguments, as the same text in each process.

    Raises:
        ImportError: jax is not installed.
        OrbscanError: the same in all processes, if the reading one raises it.
        RuntimeError: the process that reads raised another error, or did not answer.
        ValueError: that process was called with other arguments.
        Exception: in the process that reads, whatever that raises.
    """
    need("jax", "a read for many hosts")
    # multihost_utils and Orbax use it as well; it has no public name.
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
    """Read, and publish the result for the others."""
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
    # This comes last: a process that finds it finds the rest.
    head.pieces = len(pieces)
    client.key_value_set_bytes(f"{place}/head", msgspec.msgpack.encode(head))


def _taken(state: Any, place: str, digest: str, what: str) -> CheckpointMetadata[Any]:
    """Wait for the result of the reading process."""

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
    """Delete earlier results that all processes have received."""
    for _ in range(min(_LOOKED_AT, len(_Calls.kept))):
        number = _Calls.kept.popleft()
        place = f"{_PREFIX}/{number}"
        had = state.client.key_value_dir_get_bytes(f"{place}/had/")
        if len(had) == state.num_processes - 1:
            state.client.key_value_delete(f"{place}/")
        else:
            _Calls.kept.append(number)
