"""Gives each process of a sweep on this machine one GPU, locked until the process ends."""

import getpass
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

VISIBLE = "CUDA_VISIBLE_DEVICES"
PAUSE = 0.5  #: seconds between two searches for a free GPU

_held: list[tuple[str, FileLock]] = []  # name and lock of this process's GPU, until it ends


def visible() -> list[str]:
    """Names of the GPUs that this process may use, found without starting CUDA."""
    names = os.environ.get(VISIBLE)
    if names is not None:
        return [name for name in names.replace(" ", "").split(",") if name not in ("", "-1")]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    count = sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
    return [str(i) for i in range(count)]


def take(slots: int) -> str | None:
    """Makes one GPU alone visible to this process, and waits until one is free.

    Further calls change nothing: once CUDA has started, it ignores the change.

    Arguments:
        slots: number of processes that may share one GPU.

    Returns:
        the GPU's name; None if the machine has no GPU.
    """
    names = visible()
    if not _held and not names:
        return None
    while not _held:
        _held.extend(_free(names, slots))
        if not _held:
            time.sleep(PAUSE)
    os.environ[VISIBLE] = _held[0][0]
    return _held[0][0]


def _free(names: Sequence[str], slots: int) -> list[tuple[str, FileLock]]:
    """A GPU with a free slot, the emptiest first, and its lock, which ends with the process."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    for slot in range(slots):
        for name in names:
            lock = FileLock(folder / f"{name}.{slot}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            return [(name, lock)]
    return []


def _folder() -> Path:
    """A folder for each user and SLURM job: each job numbers its own GPUs from 0."""
    job = os.environ.get("SLURM_JOB_ID", "")
    return Path(tempfile.gettempdir()) / f"innerloop-gpus-{getpass.getuser()}{job and '-' + job}"
