"""Features of whole batches of tasks, for learners that run their body once for all rows."""

from collections.abc import Callable

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.tasks import Examples, Inputs, Task


def features_of(body: Callable[[Inputs], Tensor], tasks: Task) -> Task:
    """The tasks with features for inputs, from one pass of support and queries of all tasks.

    Arguments:
        body: from inputs `(n, ...)` to features `(n, width)`.
        tasks: support `(T, s, ...)`, of which s may be 0, and query `(T, q, ...)`.
    """
    total, labelled = task_tools.count(tasks), task_tools.count(task_tools.only(tasks.support))
    inputs = task_tools.concatenate(tasks.support.inputs, tasks.query.inputs, dim=1)
    rows = torch.utils._pytree.tree_map(lambda x: x.flatten(0, 1), inputs)
    features = body(rows).unflatten(0, (total, -1))
    support, query = features[:, :labelled], features[:, labelled:]
    return Task(
        Examples(task_tools.like(tasks.support.inputs, support), tasks.support.targets),
        Examples(task_tools.like(tasks.query.inputs, query), tasks.query.targets),
    )
