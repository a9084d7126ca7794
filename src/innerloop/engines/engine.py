"""How the tasks of a batch are run: their mean loss and its gradient, and their scores."""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.errors import UserError
from innerloop.tasks import Task


class Engine:
    """Runs tasks in chunks: within a chunk side by side (`vmap`), chunk after chunk.

    Gradients are added up over the chunks, so that memory does not grow with the number of tasks.
    Chunks of one task run without `vmap`.

    Arguments:
        chunk: tasks side by side; None for all of a batch.
        compile: whether the whole meta-gradient is one compiled function.
        name: what it is called in results.
    """

    def __init__(self, chunk: int | None = None, compile: bool = False, name: str = "vmap") -> None:
        if chunk is not None and chunk < 1:
            raise UserError(f"engine.chunk={chunk}: a chunk holds at least one task.")
        self.chunk, self.compile, self.name = chunk, compile, name
        self.inference = True  #: whether it works where autograd is switched off
        self._compiled: Any = None

    def meta_gradient(
        self, algorithm: Algorithm, tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean meta-loss over the tasks and its gradient for every parameter by name."""
        parameters: dict[str, Tensor] = {
            k: p for k, p in algorithm.named_parameters() if p.requires_grad
        }
        total, sums = torch.zeros((), device=progress.device), None
        for share, chunk in self._chunks(algorithm, tasks):
            loss, gradient = self._gradient(algorithm, parameters, chunk, progress)
            if share == 1.0:
                return loss.detach(), gradient
            total = total + share * loss.detach()
            scaled = {k: share * g for k, g in gradient.items()}
            sums = scaled if sums is None else {k: sums[k] + g for k, g in scaled.items()}
        return total, sums or {}

    def scores(
        self,
        algorithm: Algorithm,
        tasks: Task,
        steps: int,
        progress: Tensor,
        at: Collection[int] | None = None,
    ) -> dict[str, Tensor]:
        """`(T, steps + 1)` or `(T, len(at))` scores per metric, see `Algorithm.scores`."""
        with torch.no_grad():
            parts = [
                algorithm.scores(chunk, steps, progress, at)
                for _, chunk in self._chunks(algorithm, tasks)
            ]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def describe(self) -> dict[str, Any]:
        """What was chosen, as plain values: for the record of a run and its checkpoints."""
        return {"name": self.name, "chunk": self.chunk, "compile": self.compile}

    def _chunks(self, algorithm: Algorithm, tasks: Task) -> list[tuple[float, Task]]:
        total = task_tools.count(tasks)
        size = total if algorithm.embeds else min(self.chunk or total, total)
        starts = range(0, total, size)
        return [
            ((min(s + size, total) - s) / total, task_tools.part(tasks, s, s + size))
            for s in starts
        ]

    def _gradient(
        self, algorithm: Algorithm, parameters: dict[str, Tensor], tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        # A buffer that moves during the pass (running averages) must not do so inside a transform.
        if self.compile and not algorithm.embeds:
            return self._compiled_gradient(algorithm, parameters, tasks, progress)
        loss = algorithm(tasks, progress)
        gradient = torch.autograd.grad(
            loss, list(parameters.values()), allow_unused=True, materialize_grads=True
        )
        return loss, dict(zip(parameters, gradient, strict=True))

    def _compiled_gradient(
        self, algorithm: Algorithm, parameters: dict[str, Tensor], tasks: Task, progress: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        if self._compiled is None:

            def loss(parameters: dict[str, Tensor], tasks: Task, progress: Tensor) -> Tensor:
                return functional_call(algorithm, parameters, (tasks, progress))

            self._compiled = torch.compile(grad_and_value(loss))
        values = {k: p.detach() for k, p in parameters.items()}
        gradient, value = self._compiled(values, tasks, progress)
        return value, gradient
