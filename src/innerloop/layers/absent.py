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
    present = present_classes(support, outputs.shape[-1])
    return outputs if present is None else torch.where(present, outputs, -torch.inf)


def present_classes(support: Examples, width: int) -> Tensor | None:
    """Which of `width` classes have an example in the support, `(width,)`; None where all have.

    Only padded tasks lack classes.
    """
    targets = support.targets
    if not isinstance(support.inputs, Padded) or not isinstance(targets, Tensor):
        return None
    if targets.is_floating_point():
        return None
    classes = torch.arange(width, device=targets.device)
    return (targets[:, None] == classes).any(0)
