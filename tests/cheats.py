"""Four learners that cheat, one that does not, and the tasks on which each gets away with it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.data.source import TaskSource
from innerloop.objectives import Classification
from innerloop.tasks import Episode, Examples, Task

WAYS = 5
CENTRES = 3 * torch.randn(WAYS, 6, generator=torch.Generator().manual_seed(1))


class Clouds(TaskSource):
    """Points around the same five centres in every task.

    Arguments:
        tied: whether a centre has the same label in every task, as no benchmark should.
        ordered: whether rows come class by class, as no benchmark should either.
    """

    def __init__(self, tied: bool = False, ordered: bool = False) -> None:
        self.tied, self.ordered = tied, ordered

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        drawn = [self._task(int(i), episode) for i in indices]
        return torch.utils._pytree.tree_map(lambda *rows: torch.stack(rows), *drawn)

    def _task(self, index: int, episode: Episode) -> Task:
        random = torch.Generator().manual_seed(index)
        centre_of = torch.arange(WAYS) if self.tied else torch.randperm(WAYS, generator=random)

        def examples(each: int) -> Examples:
            labels = torch.arange(WAYS).repeat_interleave(each)
            if not self.ordered:
                labels = labels[torch.randperm(len(labels), generator=random)]
            noise = torch.randn(len(labels), 6, generator=random)
            return Examples(CENTRES[centre_of[labels]] + noise, labels)

        return Task(examples(episode.shots), examples(episode.queries))

    def fingerprint(self, split: str) -> str:
        return "clouds"


class Honest(Algorithm):
    """Nearest class mean."""

    adapts_by_steps = False

    def __init__(self) -> None:
        super().__init__(nn.Identity(), Classification(WAYS, WAYS))

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        member = nn.functional.one_hot(support.targets, WAYS).to(support.inputs.dtype)
        yield (member.T @ support.inputs) / member.sum(0)[:, None]

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return -((inputs[:, None] - adapted) ** 2).sum(-1)


class QueryStatistics(Honest):
    """Moves the queries so that their mean is that of the class means."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return super().predict(adapted, inputs - inputs.mean(0) + adapted.mean(0))


class QueryOrder(Honest):
    """Knows that queries come class by class."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        by_place = torch.arange(len(inputs)) * WAYS // len(inputs)
        return super().predict(adapted, inputs) + 100.0 * nn.functional.one_hot(by_place, WAYS)


class SupportOrder(Honest):
    """Knows that the support comes class by class, and looks at no label."""

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield support.inputs.unflatten(0, (WAYS, -1)).mean(1)


class SupportIgnored(Honest):
    """Answers with fixed weights."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return inputs @ CENTRES.T


class ClassIdentity(Honest):
    """Knows every class's label by heart, and looks at the support for form's sake."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        learned = -((inputs[:, None] - CENTRES) ** 2).sum(-1)
        return learned + 0.1 * super().predict(adapted, inputs)
