"""The CPU and the shared memory of this machine."""

import platform
import shutil
from pathlib import Path


def processor() -> str:
    """Name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def shared_memory_left() -> int | None:
    """Free bytes of the memory that processes share; None if the system has no `/dev/shm`."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:
        return None
