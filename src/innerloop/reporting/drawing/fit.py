"""A learned function of one variable: before adaptation, and fitted to a few shots."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.reporting.drawing.style import BLUE, GREEN, GREY, ORANGE, steps
from innerloop.tasks import Examples, Task

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def fit(
    axis: "Axes",
    algorithm: Algorithm,
    task: Task,
    span: Sequence[float],
    last: int,
    progress: Tensor,
) -> None:
    """The shots of a task, the truth at its queries, and the function after 0, 1 and `last` steps.

    Arguments:
        span: least and largest x.
        progress: how far the training was, a scalar in 0..1.
    """
    x = torch.linspace(span[0], span[1], 200).to(task.support.targets)[:, None]
    looks = {0: (GREY, ":"), 1: (ORANGE, "--"), last: (BLUE, "-")}
    order = task.query.inputs[:, 0].argsort()
    truth = _xy(task.query.inputs[order], task.query.targets[order])
    axis.plot(*truth, color=GREEN, linewidth=4, alpha=0.5, label="truth")
    everywhere = Task(task.support, Examples(x, torch.zeros_like(x)))
    with torch.no_grad():
        path = algorithm.trajectory(everywhere, last, progress, at=sorted(looks))
        for step, (_, outputs) in zip(sorted(looks), path, strict=False):
            colour, line = looks[step]
            axis.plot(*_xy(x, outputs), line, color=colour, label=steps(step))
    axis.plot(*_xy(*task.support), "^", color="black", label="shots")
    axis.set(xlabel="x", ylabel="y")
    axis.set_title("one test task")


def _xy(x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    return x[:, 0].cpu().numpy(), y.detach()[:, 0].cpu().numpy()
