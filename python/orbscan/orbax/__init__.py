"""Orbax with metadata read by orbscan: `import orbscan.orbax as ocp`.

This module has every public name of `orbax.checkpoint.experimental.v1`. The functions that read
metadata are orbscan's, those that load values take orbscan's metadata, and everything else is
Orbax's own. Orbax is imported when a name of its own is used for the first time: a program that
only reads metadata never pays for it, and does not need it.

Results can be used as Orbax's own: `isinstance` with its classes is true, and sharding and storage
metadata are Orbax's own. Errors are caught by the handlers that a program already has: an
`InvalidLayoutError` is one of orbscan and one of `ocp.errors` at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The same name twice: this marks a name as public where there is no list of them.
from orbscan.orbax._calls import (
    checkpointables_metadata as checkpointables_metadata,
)
from orbscan.orbax._calls import (
    is_orbax_checkpoint as is_orbax_checkpoint,
)
from orbscan.orbax._calls import (
    load as load,
)
from orbscan.orbax._calls import (
    load_async as load_async,
)
from orbscan.orbax._calls import (
    load_checkpointables as load_checkpointables,
)
from orbscan.orbax._calls import (
    load_checkpointables_async as load_checkpointables_async,
)
from orbscan.orbax._calls import (
    load_pytree as load_pytree,
)
from orbscan.orbax._calls import (
    load_pytree_async as load_pytree_async,
)
from orbscan.orbax._calls import (
    metadata as metadata,
)
from orbscan.orbax._calls import (
    pytree_metadata as pytree_metadata,
)

if TYPE_CHECKING:
    from orbax.checkpoint.experimental.v1 import *  # noqa: F403 - for editors, which then know the names

    from orbscan.orbax._patch import answered as answered
    from orbscan.orbax._patch import patch as patch
    from orbscan.orbax._patch import patched as patched
    from orbscan.orbax._patch import unpatch as unpatch

_OWN = (
    "checkpointables_metadata",
    "is_orbax_checkpoint",
    "load",
    "load_async",
    "load_checkpointables",
    "load_checkpointables_async",
    "load_pytree",
    "load_pytree_async",
    "metadata",
    "pytree_metadata",
)

# Without Orbax: the classes of what is returned then.
_RESULTS = ("CheckpointMetadata", "PyTreeMetadata")


# Orbscan's own names, which are not part of Orbax's interface, and load nothing before their use.
_PATCH = ("answered", "patch", "patched", "unpatch")


def _names() -> list[str]:
    """The public names of Orbax's interface; without Orbax those that orbscan implements."""
    try:
        from orbscan.restoring.orbax_types import orbax_v1

        theirs = dir(orbax_v1())
    except ImportError:
        return sorted([*_OWN, *_RESULTS])
    return sorted(name for name in theirs if not name.startswith("_"))


def __getattr__(name: str) -> Any:
    """Find a name in Orbax, and remember it here."""
    if name == "__all__":
        return _names()
    if name.startswith("_"):
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    if name in _PATCH:
        from orbscan.orbax import _patch

        return getattr(_patch, name)
    try:
        from orbscan.restoring.orbax_types import orbax_v1

        value: Any = getattr(orbax_v1(), name)
    except ImportError as error:
        if name not in _RESULTS:
            # An AttributeError, so that `hasattr` and `getattr` with a default work.
            message = f"module {__name__!r} has no attribute {name!r}: {error}"
            raise AttributeError(message) from error
        from orbscan.model import result

        value = getattr(result, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return _names()
