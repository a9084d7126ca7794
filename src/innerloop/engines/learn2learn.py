"""The meta-gradient by learn2learn's own classes (Arnold et al., "learn2learn: a library for
meta-learning research", 2020): the reference that ours must equal."""

import contextlib
import io
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import Tensor

from innerloop import norm
from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.maml import MAML
from innerloop.algorithms.meta_sgd import MetaSGD, key
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.tasks import Task


class Learn2LearnEngine(Engine):
    """Runs MAML, first-order MAML and Meta-SGD by `learn2learn.algorithms`, one task at a time.

    Raises:
        UserError: for any other algorithm.
    """

    def __init__(self, algorithm: Algorithm) -> None:
        super().__init__(chunk=1, compile=False, name="learn2learn")
        self.inference = False  # its adapt calls autograd.grad, which inference mode forbids
        if type(algorithm) not in (MAML, MetaSGD) or getattr(algorithm, "adapted", "") != "all":
            raise UserError(
                f"engine=learn2learn runs algorithm=maml, fomaml and meta_sgd, not "
                f"{type(algorithm).__name__}: use engine=auto."
            )

    def meta_gradient(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        parameters = dict(algorithm.named_parameters())
        total, learner = torch.zeros((), device=progress.device), _wrap(algorithm)
        sums = {k: torch.zeros_like(p) for k, p in parameters.items()}
        for share, chunk in self._chunks(algorithm, tasks):
            *_, (_, loss) = _losses(algorithm, learner, chunk, algorithm.steps, {algorithm.steps})
            loss = share * loss
            total = total + loss.detach()
            found = torch.autograd.grad(
                loss, list(parameters.values()), allow_unused=True, materialize_grads=True
            )
            sums = {k: sums[k] + g for k, g in zip(parameters, found, strict=True)}
        return total, sums

    def scores(
        self,
        algorithm: Algorithm,
        tasks: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
    ) -> dict[str, Tensor]:
        learner, rows = _wrap(algorithm), []
        with torch.enable_grad():
            for _, chunk in self._chunks(algorithm, tasks):
                scored = range(steps + 1) if at is None else at
                curve = [s for s, _ in _losses(algorithm, learner, chunk, steps, scored)]
                rows.append({k: torch.stack([s[k] for s in curve]).detach() for k in curve[0]})
        return {k: torch.stack([row[k] for row in rows]) for k in rows[0]}


def _wrap(algorithm: Any) -> Any:
    with contextlib.redirect_stderr(io.StringIO()):  # gym, which it imports, talks a lot
        from learn2learn import algorithms
    if isinstance(algorithm, MetaSGD):
        rates = [algorithm.rates[key(k)] for k, _ in algorithm.model.named_parameters()]
        return algorithms.MetaSGD(
            algorithm.model, lr=1.0, first_order=algorithm.first_order, lrs=rates
        )
    return algorithms.MAML(algorithm.model, lr=algorithm.rate, first_order=algorithm.first_order)


def _losses(
    algorithm: Algorithm, learner: Any, chunk: Task, steps: int, scored: Collection[int]
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Query scores and loss of one task after those of 0, 1, ... `steps` steps that are scored."""
    task, clone, objective = task_tools.only(chunk), learner.clone(), algorithm.objective
    statistics = algorithm.statistics_of(task.support)
    for step in range(steps + 1):
        if step:
            clone.adapt(objective.loss(clone(task.support.inputs), task.support.targets))
        if step in scored:
            outputs = norm.with_support(clone, task.query.inputs, statistics)
            scores = objective.scores(outputs.detach(), task.query.targets)
            yield scores, objective.loss(outputs, task.query.targets)
