"""Nearest centroid of raw inputs: the baseline of all data sets of classes."""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.tasks import Task


def nearest_centroid(task: Task) -> Tensor:
    """Minus the squared distances of the queries to the mean of each class, `(n, ways)`.

    Arguments:
        task: without padding; inputs `(n, ...)` are compared number by number.
    """
    support, query = (examples.inputs.flatten(1).double() for examples in task)
    labels = task.support.targets
    means = [support[labels == label].mean(0) for label in range(int(labels.max()) + 1)]
    distances = torch.cdist(query, torch.stack(means), compute_mode="donot_use_mm_for_euclid_dist")
    return -distances.square().nan_to_num(nan=torch.inf)  # a class without support is never chosen


def cosine_centroid(task: Task) -> Tensor:
    """Cosines of the queries with the mean direction of each class, `(n, ways)`.

    Arguments:
        task: without padding, of features `(n, d)`; a feature of length 0 has no direction.
    """
    support, query = (F.normalize(examples.inputs.double()) for examples in task)
    labels = task.support.targets
    means = [support[labels == label].mean(0) for label in range(int(labels.max()) + 1)]
    cosines = query @ F.normalize(torch.stack(means)).T
    return cosines.nan_to_num(nan=-torch.inf)  # a class without support is never chosen
