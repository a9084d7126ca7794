"""Running averages of batch norm for learners that embed task by task."""

import torch
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.layers import layout, norm
from innerloop.tasks import Task


@torch.no_grad()
def update(algorithm: Algorithm, tasks: Task) -> None:
    """Passes support and query of all tasks through the model as one batch, once.

    Learners that embed the whole batch have updated their averages in that pass.
    """
    if algorithm.whole_batch or "running" not in norm.modes(algorithm):
        return
    inputs = task_tools.concatenate(tasks.support.inputs, tasks.query.inputs, dim=1)
    rows = tree_map(lambda x: x.flatten(0, 1), inputs)
    with layout.track():
        layout.call_opened(algorithm.model, rows)
