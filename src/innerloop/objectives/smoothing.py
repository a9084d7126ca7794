"""Cross-entropy with smoothed labels."""

import torch
from torch import Tensor

from innerloop.precision import wide
from innerloop.tasks import PADDING


def smoothed_cross_entropy(outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    r"""Cross-entropy with :math:`1 - \epsilon` for the label and the rest shared by other classes.

    Arguments:
        outputs: logits `(n, ways)`; :math:`-\infty` for a class that the task does not have, which
            gets no share.
        targets: labels `(n,)`; `PADDING` for rows that only fill up a batch.
        smoothing: :math:`\epsilon` in 0..1.

    Example:
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> smoothed_cross_entropy(logits, torch.tensor([1]), smoothing=0.1)
        tensor(0.6931)
    """
    outputs = wide(outputs)
    present = outputs.isfinite()
    label = (targets[:, None] == torch.arange(outputs.shape[1], device=targets.device)).to(outputs)
    others = (present.sum(1, keepdim=True) - 1).clamp(min=1).to(outputs)
    shares = (1 - smoothing) * label + smoothing * (1 - label) * present / others
    losses = -(shares * torch.where(present, outputs.log_softmax(1), 0)).sum(1)
    real = targets != PADDING
    return torch.where(real, losses, 0).sum() / real.sum()
