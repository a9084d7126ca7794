"""Predictions of a trained learner for the queries of one task."""

import torch
from torch import Tensor

from innerloop.experiment.trained import Trained
from innerloop.layers import norm
from innerloop.tasks import Examples, Task

CHUNK = 500  #: queries at a time, if an answer does not depend on the other queries


def predict(
    trained: Trained, support: Examples, inputs: Tensor, steps: int
) -> tuple[object, Tensor]:
    """Adapts to a support set and predicts the queries.

    The queries are computed together if an answer depends on the others, as with transductive
    batch norm; otherwise in chunks, to save memory.

    Arguments:
        support: labelled examples of one task.
        inputs: `(n, ...)` queries.
        steps: inner steps.

    Returns:
        what was adapted, and the outputs `(n, classes)`.
    """
    algorithm = trained.algorithm
    together = algorithm.joint_queries or "transductive" in norm.modes(algorithm)
    parts = inputs.split(len(inputs) if together else CHUNK)
    chunks = [_predict_chunk(trained, support, part, steps) for part in parts]
    return chunks[0][0], torch.cat([outputs for _, outputs in chunks])


@torch.no_grad()
def _predict_chunk(
    trained: Trained, support: Examples, inputs: Tensor, steps: int
) -> tuple[object, Tensor]:
    algorithm = trained.algorithm
    unknown = torch.zeros(len(inputs), dtype=torch.long)
    task = Task(support, Examples(inputs, unknown))
    *_, last = algorithm.trajectory(task, steps, trained.progress)
    return last
