"""The checkpoints of the room `restoring`."""

from __future__ import annotations

from tests.restoring.conftest import mesh, nnx_path, path, saved

__all__ = ["mesh", "nnx_path", "path", "saved"]
