"""Predictions of a trained learner for the queries of one task."""

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.experiment.trained import Trained
from innerloop.layers import norm
from innerloop.tasks import Examples, Inputs, Task

CHUNK = 500  #: queries at a time, if an answer does not depend on the other queries


def predict(
    trained: Trained, support: Examples, inputs: Inputs, steps: int
) -> tuple[object, Tensor]:
    """Adapts to a support set and predicts the queries.

    The queries are computed together if an answer depends on the others, as with transductive
    batch norm; otherwise in chunks, to save memory.

    Arguments:
        support: labelled examples of one task.
        inputs: `n` queries.
        steps: inner steps.

    Returns:
        what was adapted, and the outputs `(n, classes)`.
    """
    algorithm = trained.algorithm
    together = algorithm.joint_queries or "transductive" in norm.modes(algorithm)
    count = task_tools.count(inputs)
    size = count if together else CHUNK
    starts = range(0, count, size)
    parts = [task_tools.part(inputs, start, min(start + size, count)) for start in starts]
    chunks = [_predict_chunk(trained, support, part, steps) for part in parts]
    return chunks[0][0], torch.cat([outputs for _, outputs in chunks])


@torch.no_grad()
def _predict_chunk(
    trained: Trained, support: Examples, inputs: Inputs, steps: int
) -> tuple[object, Tensor]:
    algorithm = trained.algorithm
    unknown = torch.zeros(task_tools.count(inputs), dtype=torch.long)
    task = Task(support, Examples(inputs, unknown))
    *_, last = algorithm.trajectory(task, steps, trained.progress)
    return last
