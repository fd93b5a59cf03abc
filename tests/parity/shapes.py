"""What becomes of checkpoints on disks: copied by halves, renamed, mixed with other files.

A shape is a name and what it does to a directory that holds a copy of one checkpoint, `c`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.damage.damages import CM, LFS, MANIFEST, SHARDING, TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape = Callable[[Path], object]
"""Changes what lies in a folder; the checkpoint in it is called `c`."""

NAME = "c"
MARKER, COMMIT = "orbax.checkpoint", "commit_success.txt"
_DOCUMENTS = {CM, TREE, SHARDING, MANIFEST, MARKER, COMMIT, "d", "array_metadatas", "metadata"}
_DOCUMENTS |= {".zarray", "zarr.json", "checkpoint", "_strings.json", "data.json"}


def of_a_checkpoint(root: Path) -> Iterator[tuple[str, Shape]]:
    """All shapes that a checkpoint can take."""
    for name, change in _CHANGES.items():
        yield name, partial(_inside, change)
    for name in (f"{NAME}.partial_save", f"{NAME}.orbax-checkpoint-tmp-1", "metrics", "7"):
        yield f"called {name}", partial(_rename, old=NAME, new=name)
    yield "a link to it", lambda folder: (folder / "link").symlink_to(NAME)
    yield "half-copied steps", _half_copied_steps
    yield "in an item of another", _nested
    yield from _something_missing(root)
    for item in filter(_is_item, sorted(root.iterdir())):
        yield from _item_renamed(item.name)
    for file in _files(root):
        change = partial(_write, name=file, content=LFS)
        yield f"a pointer of git-lfs in place of {file}", partial(_inside, change)


def _something_missing(root: Path) -> Iterator[tuple[str, Shape]]:
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.name in _DOCUMENTS or _is_item(path):
            yield f"without {name}", partial(_inside, partial(_remove, name=name))
    for name in sorted(_DOCUMENTS):
        if sum(1 for _ in root.rglob(name)) > 1:
            yield f"without any {name}", partial(_inside, partial(_remove_all, name=name))


def _item_renamed(item: str) -> Iterator[tuple[str, Shape]]:
    others = {f"{item}.orbax-checkpoint-tmp-1", "AUTO", "z", "metrics", "ocdbt.item"} - {item}
    for name in sorted(others):
        change = partial(_rename, old=item, new=name)
        yield f"{item} called {name}", partial(_inside, change)
    for name in ("z", "AUTO", "z.orbax-checkpoint-tmp-1"):
        change = partial(_copy, old=item, new=name)
        yield f"a copy of {item} called {name}", partial(_inside, change)


def without_orbax() -> Iterator[tuple[str, Shape]]:
    """What Orbax did not write."""
    for name, files in _FOREIGN.items():
        yield name, partial(_inside, partial(_write_all, files=files))
    yield "an empty directory", lambda folder: (folder / NAME).mkdir()
    yield "a dangling link", lambda folder: (folder / NAME).symlink_to("nowhere")
    yield "a link to itself", lambda folder: (folder / NAME).symlink_to(NAME)
    yield "nothing", lambda _: None


_TEXT = b'model_checkpoint_path: "model.ckpt-7"\nall_model_checkpoint_paths: "model.ckpt-7"\n'
_FOREIGN: dict[str, dict[str, bytes]] = {
    "a checkpoint of TensorFlow": {
        "checkpoint": _TEXT,
        "model.ckpt-7.index": b"\x00\x00\x01\x02",
        "model.ckpt-7.data-00000-of-00001": bytes(64),
    },
    "steps of TensorFlow": {"7/checkpoint": _TEXT, "8/checkpoint": _TEXT},
    "a distributed checkpoint of PyTorch": {
        ".metadata": b"\x80\x02ctorch\n",
        "__0_0.distcp": bytes(64),
    },
    "a SavedModel": {
        "saved_model.pb": b"\x08\x01",
        "fingerprint.pb": b"\x08\x02",
        "variables/variables.index": bytes(8),
        "variables/variables.data-00000-of-00001": bytes(64),
        "assets/vocab.txt": b"a\nb\n",
    },
    "a group of Zarr 2": {
        ".zgroup": b'{"zarr_format": 2}',
        "w/.zarray": b'{"chunks": [2], "compressor": null, "dtype": "<f4", "fill_value": null, '
        b'"filters": null, "order": "C", "shape": [2], "zarr_format": 2}',
        "w/0": bytes(8),
    },
    "a group of Zarr 3": {
        "zarr.json": b'{"zarr_format": 3, "node_type": "group", "attributes": {}}',
        "w/zarr.json": b'{"zarr_format": 3, "node_type": "array", "shape": [2], '
        b'"data_type": "float32", "chunk_grid": {"name": "regular", "configuration": '
        b'{"chunk_shape": [2]}}, "chunk_key_encoding": {"name": "default"}, "fill_value": 0, '
        b'"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]}',
        "w/c/0": bytes(8),
    },
    "a directory of logs": {"events.out.tfevents.1": b"x", "7/log.txt": b"x"},
    "a msgpack file of flax": {"checkpoint_7": b"\x81\xa1w\x01"},
}


def _inside(change: Shape, folder: Path) -> None:
    change(folder / NAME)


def _is_item(path: Path) -> bool:
    """Whether a directory of a checkpoint is a part that has a name of the user's choice."""
    internal = path.name in {"d", "array_metadatas"} or path.name.startswith("ocdbt.process")
    return path.is_dir() and not internal


def _files(root: Path) -> list[str]:
    return sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_all(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        _write(folder, name, content)


def _rename(folder: Path, old: str, new: str) -> None:
    shutil.rmtree(folder / new, ignore_errors=True)
    (folder / old).rename(folder / new)


def _copy(folder: Path, old: str, new: str) -> None:
    shutil.rmtree(folder / new, ignore_errors=True)
    shutil.copytree(folder / old, folder / new)


def _remove(folder: Path, name: str) -> None:
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _remove_all(root: Path, name: str) -> None:
    for path in [*root.rglob(name)]:
        if path.exists():
            _remove(path.parent, path.name)


def _keep_only_its_metadata(root: Path) -> None:
    for path in [*root.iterdir()]:
        if path.name not in {CM, MARKER}:
            _remove(root, path.name)


def _put_foreign_files(root: Path) -> None:
    for folder in [root, *(path for path in root.iterdir() if path.is_dir())]:
        _write_all(folder, {"config.json": b"{}", "assets/vocab.txt": b"a", ".hidden": b""})


def _add_steps(root: Path) -> None:
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    for step in ("100", "200"):
        shutil.copytree(copy, root / step)
    shutil.rmtree(copy)


def _half_copied_steps(folder: Path) -> None:
    """Steps as a copy leaves them that was stopped, or that left out what begins with `_`."""
    whole = folder / NAME
    for step in ("10", "20", "30", "40", "50"):
        shutil.copytree(whole, folder / step)
    shutil.rmtree(whole)
    for path in [*(folder / "20").rglob("_*")]:
        path.unlink()
    for path in [*(folder / "30").rglob("*")]:
        if path.is_file() and path.parent.name != "d":
            path.unlink()
    for path in [*(folder / "40").iterdir()]:
        _remove(path.parent, path.name)
    for path in [*(folder / "50").rglob("*")]:
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2)


def _nested(folder: Path) -> None:
    outer = folder / "outer"
    _write(outer, CM, json.dumps({"item_handlers": {NAME: "x"}}).encode())
    (folder / NAME).rename(outer / NAME)


_CHANGES: dict[str, Shape] = {
    "as it is": lambda _: None,
    f"{CM} alone": _keep_only_its_metadata,
    "handlers that are a number": partial(_write, name=CM, content=b'{"item_handlers": 5}'),
    "foreign files": _put_foreign_files,
    "a dangling link in it": lambda root: (root / "link").symlink_to("nowhere"),
    "an empty directory in it": lambda root: (root / "empty").mkdir(),
    "metrics as an item": partial(_write, name="metrics/metrics", content=b'{"loss": 1.5}'),
    "a root of steps, too": _add_steps,
}
"""What happens to a checkpoint itself."""
