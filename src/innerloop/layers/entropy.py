"""Entropies of predicted classes, over the queries of a task that are real."""

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.tasks import Inputs, Padded


def counted_rows(inputs: Inputs) -> Tensor:
    """1 for each row of the inputs that is real and 0 for padding, `(n,)` float32."""
    if isinstance(inputs, Padded):
        return inputs.real.float()
    values = torch.utils._pytree.tree_leaves(task_tools.values(inputs))[0]
    return torch.ones(len(values), device=values.device)


def conditional_entropy(logits: Tensor, real: Tensor) -> Tensor:
    r""":math:`H(Y|X) = -\frac1n \sum_i \sum_k p_{ik} \log p_{ik}`, in nats: how unsure answers are.

    Arguments:
        logits: `(n, ways)`; minus infinity for classes that a task does not have.
        real: `(n,)`, 0 for rows that do not count.
    """
    logits = _finite(logits)
    entropies = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
    return (entropies * real).sum() / real.sum()


def marginal_entropy(logits: Tensor, real: Tensor) -> Tensor:
    r""":math:`H(Y)` of the mean :math:`\frac1n \sum_i p_i`, in nats: how balanced answers are.

    Arguments:
        logits, real: as in `conditional_entropy`.

    Example:
        >>> logits = torch.tensor([[9.0, -9.0], [-9.0, 9.0]])
        >>> marginal_entropy(logits, torch.ones(2)).exp()
        tensor(2.)
    """
    marginal = (_finite(logits).softmax(1) * real[:, None]).sum(0) / real.sum()
    return -(marginal * marginal.clamp(min=torch.finfo(marginal.dtype).tiny).log()).sum()


def _finite(logits: Tensor) -> Tensor:
    """The logits with a finite stand-in for minus infinity: its probability is exactly 0, too, and
    its product with its logarithm is 0 instead of not a number."""
    return logits.clamp(min=torch.finfo(logits.dtype).min / 8)
