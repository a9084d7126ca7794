"""Skips outer steps whose meta-gradient is not finite."""

import torch
from torch import nn

from innerloop.errors import UserError

MOST_IN_A_ROW = 100  #: outer steps in a row that may be skipped


class Skips:
    """Decides which outer steps are skipped, and counts them.

    Arguments:
        on: whether steps are skipped at all; if not, `innerloop.callbacks.divergence` stops the
            training.
    """

    def __init__(self, on: bool) -> None:
        self.on, self.count, self._in_a_row = on, 0, 0

    def accept(self, module: nn.Module) -> bool:
        """Whether all gradients of the parameters are finite; if not, removes all of them.

        The optimizer's step, which Lightning counts, then changes nothing. All processes of a run
        decide alike, because they share the reduced gradients. Each check waits for the device.

        Raises:
            UserError: after `MOST_IN_A_ROW` skipped steps in a row.
        """
        if not self.on:
            return True
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        if torch.stack([gradient.isfinite().all() for gradient in gradients]).all():
            self._in_a_row = 0
            return True
        module.zero_grad(set_to_none=True)
        self.count, self._in_a_row = self.count + 1, self._in_a_row + 1
        if self._in_a_row == MOST_IN_A_ROW:
            raise UserError(
                f"{MOST_IN_A_ROW} outer steps in a row had no finite meta-gradient, so skipping "
                "does not help: a smaller inner.rate or outer.optimizer.lr usually does, and "
                "outer.nonfinite=stop finds the first of these steps."
            )
        return False
