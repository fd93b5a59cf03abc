"""Loading values: Orbax does it, and orbscan determines what to load.

Needs the extra `orbscan[orbax]`. Nothing is imported before the first call.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from orbscan._imports import importing
from orbscan.errors import OrbscanError, error
from orbscan.model.leaves import ArrayMetadata, NumpyMetadata, UnreadableLeaf, own
from orbscan.model.result import CheckpointMetadata
from orbscan.model.sharding import ShardingError
from orbscan.places import absolute, join, url_scheme
from orbscan.reading.api import (
    AUTO,
    check_name_as_orbax,
    checkpointables_metadata,
    read_pytree,
)
from orbscan.reading.paths import place_of
from orbscan.restoring import custom, saved_devices
from orbscan.restoring.orbax_types import orbax_v1

if TYPE_CHECKING:
    import os
    from types import ModuleType

    import jax

    from orbscan import _core
    from orbscan.aliases import AnyMesh, Atomicity, ErrorKind, StepChoice
    from orbscan.model.result import PyTreeMetadata


LOADED_FROM = frozenset({None, "gs"})
"""Orbax loads from disks, and from this scheme."""


def load(  # noqa: PLR0913 - keywords, each with a meaning of its own
    path: str | os.PathLike[str],
    abstract_state: CheckpointMetadata[Any] | PyTreeMetadata = None,
    *,
    checkpointable_name: str | None = AUTO,
    mesh: AnyMesh | None = None,
    sharding: jax.sharding.Sharding | None = None,
    dtype: Any = None,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
) -> Any:
    """Load the pytree of a checkpoint with Orbax, in the active `Context`.

    Args:
        path: the checkpoint.
        abstract_state: what to load: the result of `orbscan.metadata`, or a tree of its leaves, of
            those of `abstract_state`, of `jax.ShapeDtypeStruct`, or a mixture. Arrays described by
            metadata go to the devices of the save. If it is None, Orbax decides.
        checkpointable_name: as for `orbscan.metadata`, which chooses the same pytree for `AUTO`.
        mesh: the mesh for the arrays, as for `orbscan.abstract_state`, which then determines what
            to load, from the given metadata or from the checkpoint.
        sharding: the sharding of all arrays instead, as for `abstract_state`;
            `SingleDeviceSharding(device)` puts everything on one device.
        dtype: the type of all floating-point arrays, likewise.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`. Orbax decides itself what it loads.

    Returns:
        The tree, in the containers of `abstract_state`.

    Raises:
        ImportError: Orbax is not installed.
        MissingDevicesError: an array gets the sharding of the save, and this process does not have
            its devices.
        ShardingError: a sharding has no devices, and no mesh is set that has.
        OrbscanError: the tree has an `UnreadableLeaf`, or there is no such pytree; or it has an
            `UnsupportedLeaf` whose handler the program has not registered with Orbax.
        Exception: whatever Orbax raises.
    """
    text, name, found = _resolve(path, checkpointable_name, step, atomicity)
    wanted = abstract_state
    if mesh is not None or sharding is not None or dtype is not None:
        with importing:
            from orbscan.reading import answer
            from orbscan.restoring import abstract

        if wanted is None and found is not None:
            wanted = answer.pytree(text, found)
        wanted = abstract.abstract_state(wanted, mesh=mesh, sharding=sharding, dtype=dtype)
    return handed_over("load", text, name, found, for_orbax(wanted))


def handed_over(
    function: str, text: str, name: str | None, found: _core.Checkpoint | None, wanted: Any
) -> Any:
    """Let Orbax load a pytree whose metadata orbscan has read.

    Args:
        function: the function of Orbax's interface, `load` or `load_async`.
        text: the checkpoint, a path from the root or a URL.
        name: the name of the pytree.
        found: what was read; None for a URL.
        wanted: the abstract state for Orbax.

    Raises:
        Exception: as `load` does.
    """
    ocp = orbax_v1()
    if function == "load" and found is not None and saved_devices.matter():
        with importing:
            from orbscan.reading import answer

        saved_devices.check(answer.pytree(text, found).metadata, wanted)
    if function == "load" and (needed := custom.words(found, wanted)):
        directory = join(text, *([] if name is None else [name]))
        if custom.are_registered(needed, directory):
            return custom.restore(directory, wanted)
    with _layout_context(ocp, found):
        return getattr(ocp, function)(text, wanted, checkpointable_name=name)


def load_checkpointables(
    path: str | os.PathLike[str],
    abstract_checkpointables: CheckpointMetadata[dict[str, Any]] | dict[str, Any] | None = None,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
) -> dict[str, Any]:
    """Load the checkpointables of a checkpoint with Orbax, in the active `Context`.

    Args:
        path: the checkpoint.
        abstract_checkpointables: what to load, by name: for each a tree as for `load`, None to let
            Orbax decide, or anything else that Orbax accepts. None for all checkpointables.
        step: as for `orbscan.metadata`.
        atomicity: as for `orbscan.metadata`. Orbax decides itself what it loads.

    Raises:
        Exception: as `load` does.
    """
    ocp = orbax_v1()
    text = _absolute(path, step, atomicity)
    wanted = checkpointables_for_orbax(abstract_checkpointables)
    _check_checkpointables(text, wanted, atomicity)
    loaded: dict[str, Any] = ocp.load_checkpointables(text, wanted)
    return loaded


def load_checkpointables_async(
    path: str | os.PathLike[str],
    abstract_checkpointables: CheckpointMetadata[dict[str, Any]] | dict[str, Any] | None = None,
    *,
    step: StepChoice | None = None,
    atomicity: Atomicity = "auto",
) -> Any:
    """Begin to load checkpointables, which Orbax 0.12 announces but does not implement yet.

    Raises:
        Exception: as `load` does; NotImplementedError from Orbax 0.12.
    """
    return orbax_v1().load_checkpointables_async(
        _absolute(path, step, atomicity), checkpointables_for_orbax(abstract_checkpointables)
    )


def checkpointables_for_orbax(abstract: Any) -> Any:
    """Convert the argument of `load_checkpointables` for Orbax; raises as `load` does."""
    abstract = _unwrapped(abstract)
    if not isinstance(abstract, dict):
        return abstract
    return {name: for_orbax(item) for name, item in abstract.items()}


def for_orbax(abstract: Any) -> Any:
    """Convert the argument of `load` for Orbax; raises as `load` does."""
    tree = _unwrapped(abstract)
    import jax

    ours = ArrayMetadata | NumpyMetadata | UnreadableLeaf | complex
    # A tree without leaves of ours is not changed: it may be more than a tree.
    if any(isinstance(own(leaf), ours) for leaf in jax.tree.leaves(tree)):
        from orbscan.restoring.abstract import on_saved_devices

        tree = on_saved_devices(tree)
    _check_devices(tree)
    return tree


def _check_checkpointables(path: str, wanted: Any, atomicity: Atomicity) -> None:
    """Check the devices of pytrees; raises as `saved_devices.check` does."""
    if not saved_devices.matter():
        return
    try:
        found = checkpointables_metadata(path, atomicity=atomicity).metadata
    except OrbscanError:
        # Orbax decides how to treat it.
        return
    for name, saved in found.items():
        if saved is not None and (not isinstance(wanted, dict) or name in wanted):
            item = wanted[name] if isinstance(wanted, dict) else None
            saved_devices.check(saved, item)


def _layout_context(
    ocp: ModuleType, found: _core.Checkpoint | None
) -> AbstractContextManager[object]:
    """The context in which Orbax recognises a layout; safetensors must be named there."""
    if found is None or found.layout != "safetensors":
        return nullcontext()
    from orbax.checkpoint.experimental.v1._src.context import context

    active = context.get_context()
    layouts = ocp.options.CheckpointLayout
    if active.checkpoint_layout != layouts.ORBAX:
        return nullcontext()
    changed: AbstractContextManager[object] = ocp.Context(active)
    changed.checkpoint_layout = layouts.SAFETENSORS  # type: ignore[attr-defined]
    return changed


def _resolve(
    path: str | os.PathLike[str],
    name: str | None,
    step: StepChoice | None,
    atomicity: Atomicity,
) -> tuple[str, str | None, _core.Checkpoint | None]:
    """Return path, name of the pytree and what was read; Orbax and orbscan choose differently."""
    text = _absolute(path, step, atomicity)
    check_name_as_orbax(name)
    text, checkpoint = read_pytree(text, name, rich_types=False, atomicity=atomicity)
    (found, _), *_ = checkpoint.items
    return text, found, checkpoint


def _absolute(path: str | os.PathLike[str], step: StepChoice | None, atomicity: Atomicity) -> str:
    """Return the path as Orbax expects it.

    Raises:
        StoreError: Orbax cannot load from it.
    """
    place = absolute(place_of(path, step, atomicity=atomicity))
    scheme = url_scheme(place)
    if scheme not in LOADED_FROM:
        reason = (
            f"Orbax, which loads arrays, cannot read {scheme}://: copy the checkpoint to a disk or "
            "to gs://, or open single arrays with orbscan.open_array"
        )
        kind: ErrorKind = "store"
        raise error(kind, reason, place)
    return place


def _unwrapped(abstract: Any) -> Any:
    theirs = orbax_v1().CheckpointMetadata
    return abstract.metadata if isinstance(abstract, CheckpointMetadata | theirs) else abstract


def _check_devices(tree: Any) -> None:
    import jax

    if not jax.sharding.get_mesh().empty:
        return
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        sharding = leaf.sharding if isinstance(leaf, jax.ShapeDtypeStruct) else None
        if isinstance(getattr(sharding, "mesh", None), jax.sharding.AbstractMesh):
            message = (
                f"the leaf {jax.tree_util.keystr(path)} lies on a mesh without devices: load "
                "inside `with jax.set_mesh(mesh):`, or use abstract_state(metadata, mesh=mesh)"
            )
            raise ShardingError(message)
