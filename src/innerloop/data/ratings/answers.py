"""Baselines of rating prediction, from what the inputs of a task say."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data.ratings.bias import Bias
from innerloop.tasks import Examples, Task

ITEM_BIAS, USER_BIAS, USER_RATINGS = 0, 2, 3  #: columns of the numbers of an input

LARGE = 8  #: logarithm of a large number of ratings, by which amounts are divided


def amount(ratings: np.ndarray) -> np.ndarray:
    """A number of ratings as an input of a network, from 0 to about 1."""
    scaled: np.ndarray = np.log1p(ratings) / LARGE
    return scaled


def baselines(bias: Bias, centre: float) -> Mapping[str, Callable[[Task], Tensor]]:
    """The answers of the mean, of the user's own mean, and of the bias model.

    Arguments:
        bias: fitted to the training ratings.
        centre: stars that count as zero in targets and answers.
    """
    start = bias.mean - centre

    def overall(task: Task) -> Tensor:
        return torch.full_like(task.query.targets, start)

    def of_user(task: Task) -> Tensor:
        """The mean of the support and of a few ratings of the overall mean."""
        stars, few = task.support.targets, bias.penalties.user
        mean = (stars.sum() + few * start) / (len(stars) + few)
        return mean.expand_as(task.query.targets)

    def of_item(task: Task) -> Tensor:
        return start + _column(task.query, ITEM_BIAS)

    def of_both(task: Task) -> Tensor:
        r"""The ridge solution for the user's bias: residuals of training and support together."""
        earlier = (LARGE * _column(task.support, USER_RATINGS)[:1]).expm1()
        known = _column(task.support, USER_BIAS)[:1] * (earlier + bias.penalties.user)
        residuals = task.support.targets - start - _column(task.support, ITEM_BIAS)
        weight = earlier + len(residuals) + bias.penalties.user
        return of_item(task) + (known + residuals.sum(0, keepdim=True)) / weight

    return {
        "mean of all ratings": overall,
        "mean of the user": of_user,
        "mean of the item": of_item,
        "user + item bias": of_both,
    }


def _column(examples: Examples, number: int) -> Tensor:
    """A column of the numbers, `(n, 1)`."""
    return examples.inputs["numbers"][:, number : number + 1]
