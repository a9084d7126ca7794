"""What the yaml files may ask of the program: `${repository:}`, `${run_dir:}`, and so on.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from innerloop.machine import gpus
from innerloop.startup.published import published


def repository() -> str:
    """The checkout's root, whatever the working directory."""
    return str(Path(__file__).resolve().parents[3])


def run_dir(resume: str | None, fresh: str) -> str:
    """The folder to go on with, or a fresh one."""
    return str(Path(resume).expanduser().resolve()) if resume else fresh


def members_at_once(slots: int) -> int:
    """Members of a sweep that this machine runs side by side: on its GPUs, or on its cores."""
    return len(gpus.visible()) * slots or len(os.sched_getaffinity(0))


def largest(size: Any) -> Any:
    """The upper end of a range of sizes; anything else is returned as it is."""
    ranges = isinstance(size, Sequence) and not isinstance(size, str) and len(size) == 2
    return size[1] if ranges else size


def register() -> None:
    """Makes the resolvers known to OmegaConf; calling it twice does no harm."""
    for resolver in (repository, run_dir, published, members_at_once, largest):
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
