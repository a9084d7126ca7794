"""The machine and the versions of libraries that a figure was measured with."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from innerloop.machine.processor import processor

LIBRARIES = ("torch", "lightning", "learn2learn", "higher", "torchopt", "easyfsl", "jax")


def describe() -> dict[str, Any]:
    """Processor, cores, GPU and versions, as plain values."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": processor(), "cores": len(os.sched_getaffinity(0)), "gpu": gpu,
        "versions": {name: number for name, number in versions.items() if number},
    }  # fmt: skip


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
