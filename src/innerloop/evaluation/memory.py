"""Whether a learner remembers other tasks that it was asked about, or images of the test."""

import random

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.evaluation.audited_learner import AuditedLearner
from innerloop.evaluation.learner import Learner
from innerloop.tasks import Task

FEW = 4  #: suspected tasks of a batch that are asked about one by one
DISTINCTIVE = 16  #: pixels that must differ from an image's most frequent value


def of_other_tasks(
    learner: AuditedLearner, tasks: Task, earlier: Task, suspected: Tensor
) -> Tensor:
    """`(T,)`: 1 for a task that is answered differently after another task than after itself, else
    0; NaN for tasks that were not asked.

    Both times a copy of the learner draws the same random numbers.

    Arguments:
        earlier: contains the other tasks; may be `tasks`.
        suspected: `(T,)` 1 for tasks whose answers changed when asked again; only these are asked.
    """
    remembers = torch.where(suspected == 1, torch.nan, 0.0)
    for i in (suspected == 1).nonzero().flatten().tolist()[:FEW]:
        task, k = task_tools.part(tasks, i, i + 1), (i + 1) % task_tools.count(earlier)
        after_itself = _answers_after(learner, task, task)
        after_other = _answers_after(learner, task_tools.part(earlier, k, k + 1), task)
        remembers[i] = learner.changed(after_itself, after_other)[0]
    return remembers


def _answers_after(audited: AuditedLearner, before: Task, task: Task) -> Tensor:
    learner = audited.fresh()
    learner.answers(before.support, [before.query], learner.step)
    with isolate_rng():
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002, a learner may draw from this generator
        random.seed(0)
        return learner.answers(task.support, [task.query], learner.step)[0]


def of_images(algorithm: Learner, tasks: Task) -> Tensor:
    """`(T,)`: 1 for a task if the learner's state holds one of its images, pixel by pixel, else 0.

    The state is every array that the learner's modules have as a parameter, buffer or attribute.
    Images that are nearly one colour do not count.
    """
    holds = torch.zeros(task_tools.count(tasks), dtype=torch.bool)
    arrays = _arrays(algorithm)
    for images in tree_leaves([part.inputs for part in tasks]):
        pixels = images[0, 0].numel()
        fitting = [a for a in arrays if a.numel() >= pixels and a.numel() % pixels == 0]
        if images.dim() >= 4 and fitting:
            held = {key for array in fitting for key in _keys(array.reshape(-1, pixels))}
            holds |= torch.tensor([_any_held(rows, held) for rows in images.flatten(2)])
    return holds.double()


def _any_held(images: Tensor, held: set[bytes]) -> bool:
    """Whether one of the images `(n, pixels)` is among the held ones."""
    pairs = zip(images, _keys(images), strict=True)
    return any(key in held and _is_distinctive(image) for image, key in pairs)


def _arrays(algorithm: Learner) -> list[Tensor]:
    values = [leaf for module in algorithm.modules() for leaf in tree_leaves(vars(module))]
    arrays = [torch.as_tensor(v) for v in values if isinstance(v, Tensor) or _is_numeric(v)]
    return [array for array in arrays if array.is_floating_point()]


def _is_numeric(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _keys(rows: Tensor) -> list[bytes]:
    """The rows in bfloat16, which hides the rounding differences between devices."""
    short = (rows.detach().float() + 0.0).bfloat16().cpu()  # the sum turns -0 into 0
    return [row.tobytes() for row in short.view(torch.int16).numpy()]


def _is_distinctive(image: Tensor) -> bool:
    return int((image != image.mode().values).sum()) >= DISTINCTIVE
