"""The names of devices, which jax has changed. Importing this module loads nothing else."""

from __future__ import annotations


def device_name(text: str) -> str:
    """Return the name that jax 0.10 gives to a device; only those of the CPU were ever renamed.

    >>> device_name("TFRT_CPU_3")
    'cpu:3'
    """
    return text.replace("TFRT_CPU_", "cpu:")
