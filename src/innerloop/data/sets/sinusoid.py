"""Few-shot regression of sine waves (Finn et al., "Model-agnostic meta-learning", 2017)."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from innerloop.data import sampling
from innerloop.data.source import TaskSource
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task


class Sinusoid(TaskSource):
    r"""An endless supply of tasks :math:`y = A \sin(x - \varphi)`.

    Arguments:
        amplitude: range of A.
        phase: range of the phase, in radians.
        span: range of x.
    """

    drawn_ahead = 16

    def __init__(
        self,
        amplitude: tuple[float, float] = (0.1, 5.0),
        phase: tuple[float, float] = (0.0, math.pi),
        span: tuple[float, float] = (-5.0, 5.0),
    ) -> None:
        self.amplitude, self.phase, self.span = tuple(amplitude), tuple(phase), tuple(span)

    def check(self, split: str, episode: Episode) -> None:
        if episode.ways != 1:
            raise UserError(
                f"A regression task has no classes, so episode.ways must be 1, not {episode.ways}."
            )

    def tasks(self, split: str, indices: np.ndarray, episode: Episode, seed: int) -> Task:
        wave, places = np.moveaxis(sampling.split(sampling.keys(seed, split, indices), 2), -1, 0)
        draws = sampling.uniform(wave, 2)
        amplitude, phase = _scale(draws[:, :1], self.amplitude), _scale(draws[:, 1:], self.phase)
        _, n, queries = episode.numbers
        x = _scale(sampling.uniform(places, n + queries), self.span)
        y = amplitude * np.sin(x - phase)
        inputs, targets = (torch.from_numpy(v.astype(np.float32))[..., None] for v in (x, y))
        return Task(
            Examples(inputs[:, :n], targets[:, :n]), Examples(inputs[:, n:], targets[:, n:])
        )

    def baselines(self) -> Mapping[str, Callable[[Task], Tensor]]:
        return {"mean of the support": _mean, "least squares sine": _least_squares_sine}

    def fingerprint(self, split: str) -> str:
        return f"sinusoid amplitude={self.amplitude} phase={self.phase} span={self.span}"


def _scale(uniform: np.ndarray, bounds: tuple[float, ...]) -> np.ndarray:
    low, high = bounds
    return low + (high - low) * uniform


def _mean(task: Task) -> Tensor:
    return task.support.targets.mean(0).expand_as(task.query.targets)


def _least_squares_sine(task: Task) -> Tensor:
    r"""The fit of :math:`a \sin x + b \cos x`, by somebody who knows the form of the tasks."""

    def columns(x: Tensor) -> Tensor:
        return torch.cat([x.sin(), x.cos()], 1).double()

    x, y = task.support
    weights = torch.linalg.lstsq(columns(x), y.double(), driver="gelsd").solution
    return (columns(task.query.inputs) @ weights).to(y)
