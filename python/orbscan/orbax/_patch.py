"""Orbax's own calls of `metadata`, answered by orbscan for as long as a program wants it.

Many programs read metadata in libraries whose imports they cannot change. All of Orbax's calls, of
V0 and of V1, end in one method of one class, which is replaced; nothing else of Orbax is. Whether
orbscan answers is decided for each call, see `_answers`; any other call goes to the original
method, as if nothing had happened.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orbscan.orbax import _answers, _tested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Answered:
    """Which library has answered Orbax's calls of `metadata` in this process while it was patched.

    Attributes:
        by_orbscan: how many calls orbscan has answered.
        by_orbax: how many were left to Orbax, for each reason.
    """

    by_orbscan: int = 0
    by_orbax: Mapping[str, int] = field(default_factory=dict)


class _Patch:
    """The replacement, and who requested it."""

    def __init__(self) -> None:
        # Held only briefly, and never by a call of `metadata` while it reads.
        self.lock = threading.RLock()
        self.is_switched_on = False
        self.contexts = 0
        self.by_orbscan = 0
        self.by_orbax: Counter[str] = Counter()
        # Once they are known: the class, and the replacement of its method.
        self.handler: Any = None
        self.wrapper: Any = None

    @property
    def is_wanted(self) -> bool:
        return self.is_switched_on or self.contexts > 0

    def change(self, *, switch: bool | None = None, contexts: int = 0) -> None:
        """Switch the patch, or count a context in or out, and replace the method if necessary.

        Raises:
            ImportError: Orbax is not installed.
            NotImplementedError: it is a release that orbscan was not tested with.
        """
        with self.lock:
            is_wanted = self.is_switched_on if switch is None else switch
            is_wanted |= self.contexts + contexts > 0
            if is_wanted and self.wrapper is None:
                # Anything that can fail comes first, so that nothing is half done.
                self.handler = _tested.handler_of_pytrees()
                self.wrapper = _wrapped(self.handler.metadata, self)
            if switch is not None:
                self.is_switched_on = switch
            self.contexts += contexts
            if self.wrapper is None:
                return
            if is_wanted and self.handler.metadata is self.wrapper.__wrapped__:
                self.handler.metadata = self.wrapper
            # If another patch has replaced it since, that stays, and ours does nothing.
            if not is_wanted and self.handler.metadata is self.wrapper:
                self.handler.metadata = self.wrapper.__wrapped__

    def count(self, reason: str | None) -> None:
        with self.lock:
            if reason is None:
                self.by_orbscan += 1
            else:
                self.by_orbax[reason] += 1


_patch = _Patch()

# A fork waits until the lock is free; otherwise the child would never see it released.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_patch.lock.acquire,
        after_in_parent=_patch.lock.release,
        after_in_child=_patch.lock.release,
    )


def _wrapped(theirs: Callable[..., Any], state: _Patch) -> Callable[..., Any]:
    """Return the replacement of Orbax's method."""

    @functools.wraps(theirs)
    def metadata(self: Any, directory: Any) -> Any:
        if not state.is_wanted:
            return theirs(self, directory)
        try:
            answer = _answers.tree(self, directory)
        except _answers.LeftToOrbax as left:
            reason = str(left)
        else:
            state.count(None)
            return answer
        state.count(reason)
        return theirs(self, directory)

    return metadata


def patch() -> None:
    """Let orbscan answer Orbax's calls of `metadata`, in this process, until `unpatch`.

    These are `metadata` of the checkpointers and handlers of V0, `CheckpointManager.item_metadata`
    and `.metadata`, and of V1 `metadata`, `checkpointables_metadata` and `Checkpointer.metadata`.
    The answers are the same, in Orbax's own classes. A call is left to Orbax if orbscan would give
    another answer or none, as for a handler or a path that are not its own, or a checkpoint with a
    fault; `answered` says which. The `metadata` of a class of the program itself is not affected.
    Nor are `all_steps`, `latest_step` and `best_step`: a manager has their answers in memory.

    Any thread may call it at any time, and calling it twice has the same effect as once. A forked
    process is patched if its parent is.

    Raises:
        ImportError: Orbax is not installed.
        NotImplementedError: it is a release with which orbscan was not tested; the message names
            those.
    """
    _patch.change(switch=True)


def unpatch() -> None:
    """Undo `patch`. Inside `patched` everything stays patched until that ends.

    A call in progress ends as it began.
    """
    _patch.change(switch=False)


@contextmanager
def patched() -> Iterator[None]:
    """Let orbscan answer Orbax's calls of `metadata`, in all threads, while this context lasts.

    Contexts may be nested and may overlap: the last one that ends restores the original method.

    Raises:
        Exception: as `patch` does.
    """
    _patch.change(contexts=1)
    try:
        yield
    finally:
        _patch.change(contexts=-1)


def answered() -> Answered:
    """Return which library has answered calls in this process since it began."""
    with _patch.lock:
        return Answered(_patch.by_orbscan, dict(_patch.by_orbax))
