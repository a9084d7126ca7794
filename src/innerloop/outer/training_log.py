"""What is logged while training: scores before and after the inner loop, speed, explosions."""

import math
import time
from collections.abc import Mapping

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

EXPLODES = 100  #: times outer.clip that a meta-gradient's norm may be without a warning


class Speed:
    """Tasks per second since the last measurement; `restart` leaves out other work."""

    def __init__(self) -> None:
        self.restart(0)

    def restart(self, step: int) -> None:
        """Starts the clock again at an outer step."""
        self._step, self._time = step, time.perf_counter()

    def measure(self, step: int, tasks: int) -> float:
        """Tasks per second, and restarts; not a number where no outer step was done.

        Arguments:
            step: outer steps done.
            tasks: tasks of an outer step, over all processes.
        """
        steps, seconds = step - self._step, time.perf_counter() - self._time
        self.restart(step)
        return steps * tasks / max(seconds, 1e-9) if steps > 0 else math.nan


def before_and_after(scores: Mapping[str, Tensor], metric: str) -> dict[str, Tensor]:
    """Means over the tasks of the loss, where it was scored, and of the headline metric.

    Arguments:
        scores: `(tasks, 2)` by metric, before and after the inner loop; `(tasks, 1)` for learners
            without inner steps.
        metric: the headline metric.

    Returns:
        `train/METRIC_before`, where there are inner steps, and `train/METRIC`.
    """
    means: dict[str, Tensor] = {}
    for name in dict.fromkeys(["loss" if "loss" in scores else metric, metric]):
        values = scores[name].mean(0)
        if len(values) > 1:
            means[f"train/{name}_before"] = values[0]
        means[f"train/{name}"] = values[-1]
    return means


def warn_of_explosion(norm: Tensor, clip: float) -> None:
    """Warns, in the first process, of a meta-gradient that is far longer than the limit.

    Arguments:
        norm: of the meta-gradient before clipping.
        clip: the limit, outer.clip.
    """
    if norm > EXPLODES * clip:
        rank_zero_warn(
            f"The meta-gradient explodes: its norm was over {EXPLODES} times outer.clip="
            f"{clip}, to which it is scaled down. A smaller inner.rate or fewer "
            "inner.steps usually help; inside/meta_gradient_norm in the log shows it."
        )
