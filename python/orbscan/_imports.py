"""One lock around what is imported at first need, which a fork waits for.

A process that is forked while another of its threads imports a module has that module half imported
forever: an import of it in the child waits for a thread that is not there. So a fork begins
when no import of orbscan is under way, a matter of milliseconds.

Importing this module loads nothing else.
"""

from __future__ import annotations

import os
from _thread import RLock

importing = RLock()
"""Held while something is imported: `with importing: import ...`."""

if hasattr(os, "register_at_fork"):
    # The thread that forks is the one that goes on in the child, and so may release there, too.
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )


class Library:
    """A library that is imported when something of it is asked for."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> object:
        from importlib import import_module

        return getattr(import_module(self.__name__), name)
