"""The releases of Orbax whose calls orbscan can answer, identified by the code that would answer.

That code is private to Orbax, and changes without notice. So it is compared: a release is known if
the code that it would run is identical to that of a release in which orbscan's answers were
compared with Orbax's. `make test-matrix` does that for each of them.
"""

from __future__ import annotations

import hashlib
import inspect
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from orbscan.extras import need

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASES = {
    "0.6.4": "9395c51a3d8470a1",
    "0.8.0": "a6a3de4e3fa888b7",
    "0.10.3": "28df8f0e60ddc6bf",
    "0.11.5": "36455b48e91ffe91",
    "0.11.33": "e1363402dcf94b8c",
    "0.12.0": "8419f83b61c18067",
    "0.12.1": "dd0541f30bb6b4b3",
    "0.12.6": "340655877d6760f5",
    "0.12.7": "424580ed38b5a431",
    "0.12.8": "e643510d9a3c2f2e",
}
"""For each release, the digest of its code, see `digest`."""

_HANDLER = "orbax.checkpoint._src.handlers.base_pytree_checkpoint_handler"
_LEAF_HANDLERS = ("ArrayHandler", "NumpyHandler", "ScalarHandler", "StringHandler")
_VALUES = ("Metadata", "ArrayMetadata", "ScalarMetadata", "StringMetadata", "StorageMetadata")
_SHARDINGS = (
    "DeviceMetadata",
    "DeviceMetadataMesh",
    "NamedShardingMetadata",
    "SingleDeviceShardingMetadata",
)


def handler_of_pytrees() -> type[Any]:
    """Return the class of Orbax whose method `metadata` answers for all others.

    Raises:
        ImportError: Orbax is not installed.
        NotImplementedError: its release is not known.
    """
    need("orbax.checkpoint", "answering for Orbax")
    found: Any = None
    try:
        found = import_module(_HANDLER).BasePyTreeCheckpointHandler
        code = digest()
    except (AttributeError, ImportError, OSError, TypeError) as error:
        # A part of the code is not where it was, or there is no source to compare.
        raise NotImplementedError(_refusal()) from error
    if code not in RELEASES.values():
        raise NotImplementedError(_refusal())
    return found  # type: ignore[no-any-return]


def digest() -> str:
    """Compute a digest of the source of everything that answers a call of `metadata`.

    Raises:
        Exception: a part of it is not where a known release has it.
    """
    text = "\n".join(inspect.getsource(each) for each in _code())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _code() -> Iterator[Any]:
    from orbscan.restoring.orbax_values import module

    handler = import_module(_HANDLER).BasePyTreeCheckpointHandler
    # The replacement leads to the original method.
    yield inspect.unwrap(handler.metadata)
    yield handler._read_metadata_file  # noqa: SLF001 - what answers is private
    tree = module("tree")
    kept = getattr(tree, "InternalTreeMetadata", None) or tree.TreeMetadata
    yield getattr(kept, "as_custom_metadata", None) or kept.as_user_metadata
    leaf_handlers = import_module("orbax.checkpoint.type_handlers")
    for name in _LEAF_HANDLERS:
        yield getattr(leaf_handlers, name).metadata
    for name in _VALUES:
        yield getattr(module("value"), name)
    for name in _SHARDINGS:
        yield getattr(module("sharding"), name)


def _refusal() -> str:
    installed = metadata.version("orbax-checkpoint")
    *others, last = RELEASES
    return (
        f"orbscan answers for orbax-checkpoint {', '.join(others)} and {last}, and for releases in "
        f"which the code that does so is the same; {installed} is installed, and its is another"
    )
