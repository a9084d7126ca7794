"""Running averages of batch norm for learners that embed task by task."""

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.layers import layout, norm
from innerloop.outer import step_averages
from innerloop.tasks import Task


@torch.no_grad()
def update(algorithm: Algorithm, tasks: Task, progress: Tensor, side_by_side: bool = True) -> None:
    """Lets the running averages follow a batch of training tasks, once.

    With `norm=running`, support and query of all tasks pass through the model as one batch, which
    learners that embed the whole batch have done before. With `norm=per_step`, every task is
    adapted to: see `innerloop.outer.step_averages`.

    Arguments:
        progress: how far training is, a scalar in 0..1.
        side_by_side: whether tasks are adapted to at once, by `vmap`.
    """
    modes = norm.modes(algorithm)
    if "per_step" in modes:
        step_averages.update(algorithm, tasks, progress, side_by_side)
    if algorithm.whole_batch or "running" not in modes:
        return
    inputs = task_tools.concatenate(tasks.support.inputs, tasks.query.inputs, dim=1)
    rows = tree_map(lambda x: x.flatten(0, 1), inputs)
    with layout.track():
        algorithm.outputs_at_start(rows)
