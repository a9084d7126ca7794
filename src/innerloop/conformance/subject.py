"""A learner and the tasks on which it is checked."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Examples, Task

STEPS = 3  #: inner steps of the checks


class Subject:
    """A learner in float64, or in float32 if it has constants that float64 does not fit.

    Arguments:
        make: builds the learner; each call gives the same kind with fresh weights.
        draw: gives a batch of so many tasks, ready for the learner.
    """

    def __init__(self, make: Callable[[], Algorithm], draw: Callable[[int], Task]) -> None:
        self._draw = draw
        self.learner, self.dtype = make().double(), torch.float64
        try:
            self.learner(self.tasks(2), self.progress)
        except (RuntimeError, TypeError) as error:
            if "dtype" not in str(error).lower() and "double" not in str(error).lower():
                raise
            self.learner, self.dtype = make().float(), torch.float32

    @property
    def progress(self) -> Tensor:
        """Half of the training."""
        return torch.tensor(0.5, dtype=self.dtype)

    def tasks(self, count: int) -> Task:
        """A batch of tasks in the learner's precision."""

        def converted(value: Tensor) -> Tensor:
            return value.to(self.dtype) if value.is_floating_point() else value

        return tree_map(converted, self._draw(count))

    def task(self) -> Task:
        """A single task."""
        return task_tools.only(self.tasks(1))

    def outputs(self, task: Task) -> Tensor:
        """The learner's answers `(n, width)` to the queries after the last inner step."""
        *_, (_, answers) = self.learner.trajectory(task, STEPS, self.progress)
        return answers.detach()

    def meta_gradient(self, batch: Task) -> tuple[Tensor, dict[str, Tensor]]:
        """The meta-loss and its gradient by plain autograd; 0 where nothing depends on it."""
        named = {n: p for n, p in self.learner.named_parameters() if p.requires_grad}
        loss = self.learner(batch, self.progress)
        slopes = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
        pairs = zip(named.items(), slopes, strict=True)
        return loss.detach(), {n: torch.zeros_like(p) if g is None else g for (n, p), g in pairs}


def reordered(examples: Examples, order: Tensor) -> Examples:
    """The examples in another order, or some of them."""
    inputs, targets = tree_map(lambda x: x[order], (examples.inputs, examples.targets))
    return Examples(inputs, targets)
