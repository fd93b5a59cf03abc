"""Makes the annotations of public names resolvable: for `help`, `inspect` and `typing`.

Most modules import the names in annotations only for type checkers: importing them for the command
line would cost more than a read does. The package completes a module when a public name is taken
from it. Libraries that are large or optional come last, when the annotations are resolved.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module

from orbscan._imports import Library

# See orbscan/__init__.py.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator


_LIBRARIES = {
    "np": "numpy",
    "jax": "jax",
    "tensorstore": "tensorstore",
    "epath": "etils.epath",
    "ds": "pyarrow.dataset",
    "pa": "pyarrow",
}

_STANDARD = {
    "collections.abc": ("Callable", "Collection", "Iterable", "Iterator", "Mapping", "Sequence"),
    "datetime": ("datetime",),
    "pathlib": ("Path",),
    "types": ("EllipsisType", "TracebackType"),
    "typing": ("Any", "Literal", "NoReturn", "Self", "SupportsIndex", "Unpack"),
}

_OWN = {
    "orbscan.aliases": (
        *("Advice", "AnyMesh", "AnyPath", "Atomicity", "CheckpointKind", "CheckpointState"),
        *("EntryState", "ErrorKind", "ItemKind", "Keypath", "Level", "Metrics", "Mode"),
        *("Name", "Outlook", "Prefix", "Role", "Severity", "StepChoice", "StepState"),
        *("StoreFault", "StoreOptions", "TableName", "View"),
    ),
    "orbscan.catalogue.lake": ("Lake",),
    "orbscan.checking.alone": ("Alone",),
    "orbscan.checking.amounts": ("FileUsage",),
    "orbscan.checking.findings": ("Restores",),
    "orbscan.differing.amount": ("Amount", "Compared", "Progress"),
    "orbscan.differing.side": ("Side",),
    "orbscan.reading.handlers": ("Handler",),
    "orbscan.model.item": ("Item",),
    "orbscan.places": ("Url",),
    "orbscan.planning.mesh": ("Mesh",),
    "orbscan.planning.value": ("DevicePlan", "HostPlan", "LeafPlan"),
    "orbscan.model.sharding": ("ShardingMetadata",),
    "orbscan.scanning.options": ("ArrowTable", "Previous", "ScanOptions", "Since", "StepRange"),
}

_MODULE_OF = {
    name: module for table in (_STANDARD, _OWN) for module, names in table.items() for name in names
}


def complete(value: object, public: dict[str, str]) -> None:
    """Give the modules that define a public value the names in its annotations.

    Args:
        value: a function or a class.
        public: the modules of the package that define its public names.
    """
    for module, texts in _annotations(value):
        known = vars(module)
        for name in {*re.findall(r"[A-Za-z_]\w*", " ".join(texts))} - known.keys():
            found = _found(name, public)
            if found is not None:
                known[name] = found
                if isinstance(found, type) and found.__module__.startswith("orbscan."):
                    complete(found, public)


def _annotations(value: object) -> Iterator[tuple[object, list[str]]]:
    """The modules of a value, each with the texts of the annotations that are resolved in it."""
    functions = [value]
    if isinstance(value, type):
        classes = [base for base in value.__mro__ if base.__module__.startswith("orbscan.")]
        functions = [member for base in classes for member in vars(base).values()]
        for base in classes:
            yield sys.modules[base.__module__], _texts(base)
    for member in functions:
        function = getattr(member, "fget", None) or getattr(member, "__func__", member)
        module = sys.modules.get(getattr(function, "__module__", None) or "")
        if module is not None and module.__name__.startswith("orbscan."):
            yield module, _texts(function)


def _texts(annotated: object) -> list[str]:
    annotations = getattr(annotated, "__annotations__", None) or {}
    # A NamedTuple wraps them.
    texts = (getattr(text, "__forward_arg__", text) for text in annotations.values())
    return [text for text in texts if isinstance(text, str)]


def _found(name: str, public: dict[str, str]) -> object:
    """Look up a name in annotations; None if no table has it."""
    if name in _LIBRARIES:
        return Library(_LIBRARIES[name])
    if name in {"os", "builtins"}:
        return import_module(name)
    if name == "_core":
        return import_module("orbscan._core")
    module = _MODULE_OF.get(name)
    if module is None and name in public:
        module = f"orbscan.{public[name]}"
    return None if module is None else getattr(import_module(module), name)
