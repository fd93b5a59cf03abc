"""One lock around imports at first use, for which a fork waits.

If a process is forked while another of its threads imports a module, the module stays half imported
in the child: an import of it there waits for a thread that does not exist. So a fork begins only
when no import of orbscan is in progress, a matter of milliseconds.

Importing this module loads nothing else.
"""

from __future__ import annotations

import os
from _thread import RLock

importing = RLock()
"""Held while something is imported: `with importing: import ...`."""

if hasattr(os, "register_at_fork"):
    # The thread that forks is the one that continues in the child, so it may release the lock
    # there.
    os.register_at_fork(
        before=importing.acquire,
        after_in_parent=importing.release,
        after_in_child=importing.release,
    )


class Library:
    """A module that is imported when an attribute of it is first used.

    What was used is an attribute of its own from then on: an `import` statement that finds its
    module takes as long as opening a file, when caches are cold.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> object:
        with importing:
            from importlib import import_module

            found: object = getattr(import_module(self.__name__), name)
        self.__dict__[name] = found
        return found
