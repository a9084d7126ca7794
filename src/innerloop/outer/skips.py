"""Outer steps that are skipped because their meta-gradient is not finite."""

import torch
from torch import nn

from innerloop.errors import UserError

HOPELESS = 100  #: outer steps in a row that may be skipped


class Skips:
    """Counts them.

    Arguments:
        on: whether steps are skipped at all; if not, `innerloop.callbacks.divergence` stops the
            training.
    """

    def __init__(self, on: bool) -> None:
        self.on, self.count, self._in_a_row = on, 0, 0

    def keep(self, module: nn.Module) -> bool:
        """Whether the gradients of the parameters are finite; takes all away if one is not.

        The optimizer's step, which Lightning counts, then moves nothing. The processes of a run
        have reduced the gradients, and so agree. It costs a look at the device at every step.

        Raises:
            UserError: after `HOPELESS` steps in a row.
        """
        if not self.on:
            return True
        slopes = [p.grad for p in module.parameters() if p.grad is not None]
        if torch.stack([slope.isfinite().all() for slope in slopes]).all():
            self._in_a_row = 0
            return True
        module.zero_grad(set_to_none=True)
        self.count, self._in_a_row = self.count + 1, self._in_a_row + 1
        if self._in_a_row == HOPELESS:
            raise UserError(
                f"{HOPELESS} outer steps in a row had no finite meta-gradient, so that skipping "
                "them leads nowhere: a smaller inner.rate or outer.optimizer.lr usually helps, and "
                "outer.nonfinite=stop finds the first such step."
            )
        return False
