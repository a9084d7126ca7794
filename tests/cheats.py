"""Learners that cheat, an honest one, and the tasks on which each cheat succeeds."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.data.source import TaskSource
from innerloop.objectives import Classification
from innerloop.tasks import Episode, Examples, Task

WAYS = 5
CENTRES = 3 * torch.randn(WAYS, 6, generator=torch.Generator().manual_seed(1))


class Clouds(TaskSource):
    """Points around the same five centres in every task.

    Arguments:
        tied: whether a centre has the same label in every task, which no benchmark should have.
        ordered: whether rows are sorted by class, which no benchmark should have either.
        spread: standard deviation of the points of a class.
    """

    def __init__(self, tied: bool = False, ordered: bool = False, spread: float = 1.0) -> None:
        self.tied, self.ordered, self.spread = tied, ordered, spread

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
            noise = self.spread * torch.randn(len(labels), 6, generator=random)
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
    """Assumes that queries are sorted by class."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        by_place = torch.arange(len(inputs)) * WAYS // len(inputs)
        return super().predict(adapted, inputs) + 100.0 * nn.functional.one_hot(by_place, WAYS)


class SupportOrder(Honest):
    """Assumes that the support is sorted by class, and ignores its labels."""

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        yield support.inputs.unflatten(0, (WAYS, -1)).mean(1)


class SupportIgnored(Honest):
    """Predicts with fixed weights."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return inputs @ CENTRES.T


class ClassIdentity(Honest):
    """Has memorised the label of every class, and hardly uses the support."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        learned = -((inputs[:, None] - CENTRES) ** 2).sum(-1)
        return learned + 0.1 * super().predict(adapted, inputs)


# --- learners that read the labels of queries, each in a different way


class LabelFeatures:
    """An `embed` that moves every query half way to the centre of its labelled class, and records
    the labels that it saw."""

    seen: ClassVar[list[Tensor]] = []

    def embed(self, tasks: Task) -> Task:
        self.seen.append(tasks.query.targets)
        means = CENTRES.new_zeros(len(tasks.query.targets), WAYS, 6)
        for label in range(WAYS):
            member = (tasks.support.targets == label)[..., None]
            means[:, label] = (member * tasks.support.inputs).sum(1) / member.sum(1)
        place = tasks.query.targets[..., None].expand(-1, -1, 6)
        moved = 0.5 * tasks.query.inputs + 0.5 * means.gather(1, place)
        return Task(tasks.support, Examples(moved, tasks.query.targets))


class LabelsEmbedded(Honest):
    """Embeds queries together with their labels."""

    def embed(self, tasks: Task) -> Task:
        return LabelFeatures().embed(tasks)


class LabelsEmbeddedByMixin(LabelFeatures, Honest):
    """Inherits its `embed` from a class that is not an algorithm."""


class LabelsEmbeddedByObject(Honest):
    """Has an `embed` that is an attribute of the object and not of its class."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = LabelFeatures().embed


class OwnScores(Honest):
    """Reports invented scores."""

    def scores(self, tasks: Task, *given: Any, **named: Any) -> dict[str, Tensor]:
        return {name: torch.ones_like(s) for name, s in super().scores(tasks, *given).items()}


class Flattering(Classification):
    """An objective that counts every prediction as right."""

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return super().scores(100.0 * nn.functional.one_hot(targets, WAYS), targets)


class OwnObjective(Honest):
    """Brings its own objective, which judges it."""

    def __init__(self) -> None:
        super().__init__()
        self.objective = Flattering(WAYS, WAYS)


class LabelsLookedUp:
    """Stores the label of every query that it is scored on, and looks it up."""

    inputs, labels = None, None

    def scores(self, tasks: Task, *given: Any, **named: Any) -> dict[str, Tensor]:
        inputs = self.embed(tasks).query.inputs.detach().flatten(0, 1)
        labels = nn.functional.one_hot(tasks.query.targets.flatten(), WAYS).float()
        self.inputs = inputs if self.inputs is None else torch.cat([self.inputs, inputs])
        self.labels = labels if self.labels is None else torch.cat([self.labels, labels])
        return super().scores(tasks, *given, **named)

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        outputs = super().predict(adapted, inputs)
        if self.inputs is None:
            return outputs
        same = (inputs[:, None] - self.inputs).abs().amax(-1) < 1e-4
        return outputs + 1e6 * same.float() @ self.labels


class LookedUp(LabelsLookedUp, Honest):
    """Looks up labels of clouds."""


class LookedUpImages(LabelsLookedUp, ProtoNet):
    """Looks up labels of images."""


# --- learners that remember


class LastSupport(Honest):
    """Mixes the class means of the previous task into those of this one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(WAYS, 6))

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        (means,) = super().adapt(support, steps, progress)
        last, self.last = self.last, means
        yield means + 0.3 * last


class LastQueries(Honest):
    """Centres queries on earlier queries, which it keeps as a plain attribute."""

    last: Any = 0.0

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        last, self.last = self.last, inputs.mean(0)
        return super().predict(adapted, inputs - 0.3 * last)


class RunningAverage(Honest):
    """Centres the features of a batch on the average of all batches so far."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(6))

    def embed(self, tasks: Task) -> Task:
        self.average = 0.9 * self.average + 0.1 * tasks.query.inputs.mean((0, 1))
        return Task(tasks.support, Examples(tasks.query.inputs - self.average, tasks.query.targets))


class Noisy(Honest):
    """Draws random numbers when it predicts; honest, if this is reported."""

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return super().predict(adapted, inputs + 0.1 * torch.randn_like(inputs))


class NoisyByItself(Honest):
    """Draws random numbers from its own generator."""

    def __init__(self) -> None:
        super().__init__()
        self.random = torch.Generator().manual_seed(0)

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        noise = torch.randn(inputs.shape, generator=self.random)
        return super().predict(adapted, inputs + 0.1 * noise)


class ImagesHeld(Honest):
    """Stores images with their classes, and uses the support only to name the classes.

    Arguments:
        images: `(n, channels, height, width)`.
        buffer: whether they are stored as a buffer or as an attribute.
    """

    def __init__(self, images: Tensor, buffer: bool) -> None:
        super().__init__()
        if buffer:
            self.register_buffer("images", images.flatten(1))
        else:
            self.images = {"all": [images.numpy()]}

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Tensor]:
        return super().adapt(Examples(support.inputs.flatten(1), support.targets), steps, progress)

    def predict(self, adapted: Tensor, inputs: Any) -> Tensor:
        return super().predict(adapted, inputs.flatten(1))
