"""The meta-gradient by learn2learn's own classes (Arnold et al., "learn2learn: a library for
meta-learning research", 2020): the reference that ours must equal."""

import contextlib
import io
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.adaptation.selection import ALL
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.meta_sgd import MetaSGD
from innerloop.engines import gradients, memory
from innerloop.engines.engine import Engine
from innerloop.engines.float64_copy import first_line
from innerloop.errors import UserError
from innerloop.layers import attention, layout, norm
from innerloop.layers.absent import mask_absent_classes
from innerloop.tasks import Inputs, Task


class Learn2LearnEngine(Engine):
    """Runs MAML, first-order MAML and Meta-SGD by `learn2learn.algorithms`, one task at a time.

    Raises:
        UserError: for any other algorithm.
    """

    def __init__(self, algorithm: Algorithm) -> None:
        super().__init__(chunk=1, compile=False, name="learn2learn")
        self.inference = False  # its adapt calls autograd.grad, which inference mode forbids
        frozen = any(not p.requires_grad for p in algorithm.model.parameters())
        if type(algorithm) is MetaSGD and frozen:
            raise UserError(
                "engine=learn2learn cannot keep frozen parameters still with algorithm=meta_sgd: "
                "use engine=auto."
            )
        if type(algorithm) not in (MAML, MetaSGD) or getattr(algorithm, "adapted", ()) != ALL:
            raise UserError(
                f"engine=learn2learn runs algorithm=maml, fomaml and meta_sgd, not "
                f"{type(algorithm).__name__}: use engine=auto."
            )

    def meta_gradient(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        self._check(algorithm, tasks, progress)
        with _explained(), attention.differentiable_twice(algorithm.second_order):
            return self._mean(algorithm, tasks)

    def _mean(self, algorithm: Algorithm, tasks: Task) -> tuple[Tensor, dict[str, Tensor]]:
        parameters = {k: p for k, p in algorithm.named_parameters() if p.requires_grad}
        total, learner = torch.zeros((), device=tasks.query.targets.device), _wrap(algorithm)
        sums = {k: torch.zeros_like(p) for k, p in parameters.items()}
        for share, chunk in self._chunks(algorithm, tasks):
            *_, (_, loss) = _losses(algorithm, learner, chunk, algorithm.steps, {algorithm.steps})
            loss, slopes = gradients.of_the_mean(share * loss, parameters)
            total = total + loss
            sums = {k: sums[k] + slopes[k] for k in parameters}
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
        with torch.enable_grad(), _explained():
            for _, chunk in self._chunks(algorithm, tasks):
                scored = range(steps + 1) if at is None else at
                curve = [s for s, _ in _losses(algorithm, learner, chunk, steps, scored)]
                rows.append({k: torch.stack([s[k] for s in curve]).detach() for k in curve[0]})
        return {k: torch.stack([row[k] for row in rows]) for k in rows[0]}


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Says in a line what learn2learn fails on; it prints a traceback itself before it does."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    except (RuntimeError, TypeError, UnboundLocalError) as error:
        if memory.ran_out(error):
            raise
        raise UserError(
            f"learn2learn's classes cannot run this model ({first_line(error)}): use engine=auto."
        ) from error


def _library() -> Any:
    """`learn2learn.algorithms`, which only some installations have."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # gym, which it imports, talks a lot
            from learn2learn import algorithms
    except ImportError as error:
        raise UserError(
            f"engine=learn2learn needs that library ({first_line(error)}): `make install` brings "
            "it, and so does pip install -e '.[learn2learn]' in the repository."
        ) from error
    return algorithms


def _wrap(algorithm: Any) -> Any:
    algorithms = _library()
    if isinstance(algorithm, MetaSGD):
        rates = list(algorithm.learned_rates().values())
        return algorithms.MetaSGD(
            algorithm.model, lr=1.0, first_order=algorithm.first_order, lrs=rates
        )
    return algorithms.MAML(
        algorithm.model, lr=algorithm.rate, first_order=algorithm.first_order,
        allow_nograd=True,  # frozen parameters stay still
    )  # fmt: skip


def _losses(
    algorithm: Algorithm, learner: Any, chunk: Task, steps: int, scored: Collection[int]
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Query scores and loss of one task after those of 0, 1, ... `steps` steps that are scored."""
    task, clone, objective = task_tools.only(chunk), learner.clone(), algorithm.objective
    support, (inputs, targets) = task

    def answers(rows: Inputs) -> Tensor:
        return layout.call_opened(clone, rows)

    for step in range(steps + 1):
        with layout.at_step(max(step - 1, 0)):
            if step:
                outputs = mask_absent_classes(answers(support.inputs), support)
                clone.adapt(objective.loss(outputs, support.targets))
            if step not in scored:
                continue
            by_support = "support" in norm.modes(algorithm.model)
            outputs = (
                layout.with_support(answers, inputs, support.inputs)
                if by_support
                else answers(inputs)
            )
        outputs = mask_absent_classes(outputs, support)
        yield objective.scores(outputs.detach(), targets), objective.loss(outputs, targets)
