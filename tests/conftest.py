"""What every test shares: eight virtual devices, set before anything imports jax."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support import alone, draws, left_behind

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=8")

# The tests may run below make, which tells any make that a test starts that it runs below another:
# that one then prints where it is, and takes over flags.
for _of_make in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(_of_make, None)

# Orbax tells of every save.
logging.getLogger("absl").setLevel(logging.ERROR)

# What is drawn depends on the test alone: not on the clock, and not on what earlier runs found.
# With ORBSCAN_DRAWS=new it is something else each time, and more of it where that takes long.
hypothesis.settings.register_profile(
    "steady",
    deadline=None,
    derandomize=not draws.IS_NEW,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(alone.Failures(config))


def pytest_collection_finish() -> None:
    left_behind.collect()


@pytest.fixture(autouse=True)
def _leaves_nothing_behind() -> Iterator[None]:
    with left_behind.nothing():
        yield
