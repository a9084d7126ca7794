"""Lines for the terminal, and the command that starts a run."""

import shlex
import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning.fabric.utilities.rank_zero import rank_zero_only

from innerloop.errors import visible
from innerloop.experiment.plain import PlainDict
from innerloop.machine.screen import painted, wrapped
from innerloop.startup import places


def in_sweep() -> bool:
    """Whether this run is a member of a sweep."""
    return bool(HydraConfig.get().mode == RunMode.MULTIRUN)


def command() -> str:
    """The command that starts this run, or this member of a sweep, without Hydra's options."""
    job = HydraConfig.get()
    overrides = [word for word in job.overrides.task if not word.startswith("sweep.")]
    name = job.job.name
    return shlex.join([*places.program(name), *overrides])


def engine(chosen: PlainDict) -> list[str]:
    """Lines that say how the tasks of a batch are computed, from `Engine.describe`."""
    chunk = "all tasks at once" if chosen["chunk"] is None else f"{chosen['chunk']} at a time"
    if (streams := chosen.get("streams", 1)) > 1:
        chunk += f" on each of {streams} streams"
    how = "compiled" if chosen["compile"] else "eager"
    how = "captured as a CUDA graph" if chosen.get("capture") else how
    lines = [f"engine {chosen['name']}: {chunk}, {how}"]
    if chosen.get("checkpoint"):
        lines.append("inner steps are computed again for the meta-gradient, to save memory")
    if chosen["compile"]:
        lines.append(
            "compiling the meta-gradient first: seconds for a small network, minutes for images, "
            "and less the next time, from the cache"
        )
    return lines


@rank_zero_only
def say(*lines: str, style: str = "") -> None:
    """Prints lines at once, also into a pipe; of several processes only the first prints.

    Arguments:
        style: one of `innerloop.machine.screen`, for a terminal.
    """
    text = wrapped("\n".join(map(visible, lines)), sys.stdout)
    print(painted(text, style, sys.stdout) if style else text, flush=True)
