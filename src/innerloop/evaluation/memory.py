"""Whether a learner remembers: other tasks it was asked about, or the very images of the test."""

import random
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.evaluation import stamps
from innerloop.evaluation.asked import Asked
from innerloop.tasks import Task

FEW = 4  #: suspected tasks of a batch that are asked about one by one
TELLING = 16  #: pixels that must differ from an image's most frequent value


def of_other_tasks(asked: Asked, tasks: Task, earlier: Task, suspected: Tensor) -> Tensor:
    """`(T,)`: 1 for a task that is answered differently after another task than after itself, else
    0; NaN for what was not asked.

    Both times a copy of the learner draws the same random numbers.

    Arguments:
        earlier: where the other tasks come from; may be `tasks`.
        suspected: `(T,)` 1 for tasks that may have been answered so; no others are asked.
    """
    found = torch.where(suspected == 1, torch.nan, 0.0)
    others = task_tools.count(earlier)
    for i in (suspected == 1).nonzero().flatten().tolist()[:FEW]:
        task, k = task_tools.part(tasks, i, i + 1), (i + 1) % others
        other = task_tools.part(earlier, k, k + 1)
        after_itself, after_other = (_answers_after(asked, b, task) for b in (task, other))
        classes = asked.objective.answers == "classes"
        found[i] = stamps.changed(after_itself, after_other, classes)[0]
    return found


def _answers_after(asked: Asked, before: Task, task: Task) -> Tensor:
    learner = asked.fresh()
    learner.answers(before.support, [before.query], asked.step)
    with isolate_rng():
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002, the generator that a learner may draw from
        random.seed(0)
        return learner.answers(task.support, [task.query], asked.step)[0]


def of_images(algorithm: nn.Module, tasks: Task) -> Tensor:
    """`(T,)`: 1 for a task of which the learner's state holds an image, pixel by pixel, else 0.

    The state is whatever arrays the learner's modules have, as parameters, buffers or attributes.
    Images that are nearly one colour say nothing.
    """
    found = torch.zeros(task_tools.count(tasks))
    arrays = _arrays(algorithm)
    for part in tasks:
        for images in tree_leaves(part.inputs):
            pixels = images[0, 0].numel()
            kept = [a for a in arrays if a.numel() >= pixels and a.numel() % pixels == 0]
            if images.dim() < 4 or not kept:
                continue
            held = {key for array in kept for key in _keys(array.reshape(-1, pixels))}
            for i, rows in enumerate(images.flatten(2)):
                pairs = zip(rows, _keys(rows), strict=True)
                found[i] += any(key in held and _telling(row) for row, key in pairs)
    return (found > 0).double()


def _arrays(algorithm: nn.Module) -> list[Tensor]:
    values = [leaf for module in algorithm.modules() for leaf in tree_leaves(vars(module))]
    arrays = [torch.as_tensor(v) for v in values if isinstance(v, Tensor) or _is_numeric(v)]
    return [array for array in arrays if array.is_floating_point()]


def _is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _keys(rows: Tensor) -> list[bytes]:
    """The rows in bfloat16, which forgets what two devices compute differently."""
    short = (rows.detach().float() + 0.0).bfloat16().cpu()  # of -0 and 0 there is one
    return [row.tobytes() for row in short.view(torch.int16).numpy()]


def _telling(image: Tensor) -> bool:
    return int((image != image.mode().values).sum()) >= TELLING
