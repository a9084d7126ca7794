"""Classes that a task of unequal size does not have."""

import torch
from torch import Tensor

from innerloop.tasks import Examples, Padded


def mask_absent_classes(outputs: Tensor, support: Examples) -> Tensor:
    r"""The outputs, with :math:`-\infty` for classes without an example in the support.

    Only padded tasks lack classes; the outputs of all others come back as they are.

    Arguments:
        outputs: `(n, width)` logits.
        support: of the same task.

    Example:
        >>> support = Examples(Padded(torch.zeros(1, 2), torch.tensor([True])), torch.tensor([1]))
        >>> mask_absent_classes(torch.zeros(1, 2), support)
        tensor([[-inf, 0.]])
    """
    targets = support.targets
    if not isinstance(support.inputs, Padded) or not isinstance(targets, Tensor):
        return outputs
    if targets.is_floating_point():
        return outputs
    classes = torch.arange(outputs.shape[-1], device=targets.device)
    present = (targets[:, None] == classes).any(0)
    return torch.where(present, outputs, -torch.inf)
