"""A learner that learns nothing: it times the data path and the outer loop alone."""

from collections.abc import Iterator

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.tasks import Examples, Inputs, Task


class NoOp(Algorithm):
    r"""Predicts zero for everything, :math:`\hat y = 0`; its meta-gradient is zero.

    Shapes: outputs are `(queries, ways)`, or `(queries, d)` for real targets.

    Deviations: none; there is no paper.

    References:
        None.

    Example:
        >>> from innerloop.models.mlp import MLP
        >>> from innerloop.models.network import Network
        >>> from innerloop.objectives import Classification
        >>> NoOp(Network(MLP([1]), outputs=2), Classification(2, 2)).predict(None, torch.ones(3, 1))
        tensor([[0., 0.],
                [0., 0.],
                [0., 0.]])
    """

    adapts_by_steps = False
    fixed_ways = False
    relabelling_permutes = True
    exact_meta_gradient = False  # zero whatever it predicts

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[None]:
        yield None

    def predict(self, adapted: None, inputs: Inputs) -> Tensor:
        width = self.objective.classes(self.training) or self.objective.width
        return torch.zeros(task_tools.count(inputs), width, device=_device(inputs))

    def meta_loss(self, task: Task, progress: Tensor) -> Tensor:
        return 0.0 * torch.stack([p.sum() for p in self.model.parameters()]).sum()


def _device(inputs: Inputs) -> torch.device:
    device: torch.device = torch.utils._pytree.tree_leaves(inputs)[0].device
    return device
