"""One Chromium for all tests, and the pages that they open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

import orbscan
from benches import synthetic
from orbscan.cli.demo import unpack
from tests.pages import browser as browsers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.pages)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = browsers.started(playwright.chromium)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[browsers.Opened]:
    with browsers.opened(browser) as page:
        yield page


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "demo"
    unpack(str(root))
    return root


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write the page of a checkpoint, once for all tests that look at it."""
    folder = tmp_path_factory.mktemp("reports")
    known: dict[Any, Path] = {}

    def written(*paths: Any, **options: Any) -> Path:
        key = (*map(str, paths), *sorted((name, str(value)) for name, value in options.items()))
        if key not in known:
            known[key] = folder / f"{len(known)}.html"
            orbscan.report(*paths, **options).save(known[key])
        return known[key]

    return written


AXES = {
    name: {"fsdp": 4, "tensor": 2}.get(name, 1)
    for name in (
        "diloco",
        "data",
        "stage",
        "fsdp",
        "fsdp_transpose",
        "sequence",
        "context",
        "context_autoregressive",
        "tensor",
        "tensor_transpose",
        "tensor_sequence",
        "expert",
    )
}
"""The mesh of a MaxText run: most of its twelve axes have one device."""


@pytest.fixture(scope="session")
def maxtext(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint like that of MaxText: stacked layers of rank 3 and 4 on a mesh of 12 axes."""
    shape, names = tuple(AXES.values()), tuple(AXES)
    kernels: dict[str, tuple[tuple[int, ...], tuple[Any, ...]]] = {
        "query": ((512, 16, 8, 64), ("fsdp", None, "tensor")),
        "wi_0": ((512, 16, 2048), (("fsdp", "sequence"), "stage", ("tensor", "tensor_sequence"))),
        "wo": ((2048, 16, 512), ("tensor", "stage", "fsdp")),
        "scale": ((512, 16), (None, None)),
    }
    arrays = []
    for prefix in (("params", "params", "decoder"), ("opt_state", "mu"), ("opt_state", "nu")):
        for name, (size, spec) in kernels.items():
            parts = [axes if isinstance(axes, tuple) else (axes,) for axes in spec]
            parts += [(None,)] * (len(size) - len(parts))
            chunk = tuple(
                length // (AXES[axes[0]] if axes[0] else 1)
                for length, axes in zip(size, parts, strict=True)
            )
            sharding = synthetic.named_sharding(shape, names, spec)
            keys = (*prefix, "layers", name, "kernel")
            arrays.append(synthetic.Array(keys, size, chunk, "float32", sharding))
    path = tmp_path_factory.mktemp("maxtext") / "1000"
    synthetic.write(path, arrays)
    return path


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The train state of a Llama of 405 billion parameters: 3,411 leaves over 512 devices."""
    path = tmp_path_factory.mktemp("llama") / "llama-405b"
    synthetic.llama(path, "405b")
    return path
