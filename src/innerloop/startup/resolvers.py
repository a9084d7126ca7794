"""The resolvers that the yaml files use: `${repository:}`, `${run_dir:}`, and so on.

Imports nothing heavy: it runs before `--help` and shell completion answer.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf

from innerloop.machine import gpus
from innerloop.startup import places
from innerloop.startup.published import published

SHORT_TRAINING = 500  #: outer steps; a shorter training is a trial
SHORT_TEST, FULL_TEST = 100, 600  #: tasks of a test; papers report 600 and more


def repository() -> str:
    """The checkout's root, whatever the working directory; an installed package has none."""
    return str(places.root())


def run_dir(resume: str | None, fresh: str) -> str:
    """The folder of the run to resume, or a fresh one."""
    return str(Path(resume).expanduser().resolve()) if resume else fresh


def members_at_once(slots: int) -> int:
    """The number of members of a sweep that run side by side, on the GPUs or on the cores.

    Arguments:
        slots: members on each GPU.
    """
    return len(gpus.visible()) * slots or len(os.sched_getaffinity(0))


def largest(size: object) -> object:
    """The upper end of a range of sizes; anything else is returned as it is."""
    if isinstance(size, Sequence) and not isinstance(size, str) and len(size) == 2:
        upper: object = size[1]
        return upper
    return size


def tenth(number: int) -> int:
    """A tenth of a number of steps, at least 1."""
    return max(1, int(number) // 10)


def test_tasks(steps: int) -> int:
    """Tasks of a test: a training of few outer steps, but not one of none, gets fewer."""
    return SHORT_TEST if 0 < steps < SHORT_TRAINING else FULL_TEST


def register() -> None:
    """Registers the resolvers with OmegaConf; calling it twice does no harm."""
    resolvers = (repository, run_dir, published, members_at_once, largest, tenth, test_tasks)
    for resolver in resolvers:
        OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
