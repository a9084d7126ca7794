"""A gated recurrent unit that many tasks can run side by side."""

import torch
from torch import Tensor, nn


class GRU(nn.Module):
    r"""A GRU of one layer (Cho et al. 2014) in plain operations, which equals `torch.nn.GRU`.

    .. math:: h' = (1 - z) \tanh(W x + r \odot U h) + z h, \qquad
        r = \sigma(W_r x + U_r h), \quad z = \sigma(W_z x + U_z h)

    with a bias beside every matrix.

    Arguments:
        inputs: numbers of an input x.
        width: numbers of the memory h.

    Example:
        >>> cell = GRU(4, 20)
        >>> cell(torch.zeros(7, 4), torch.zeros(7, 20)).shape
        torch.Size([7, 20])
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.entering, self.returning = nn.Linear(inputs, 3 * width), nn.Linear(width, 3 * width)

    def forward(self, inputs: Tensor, memory: Tensor) -> Tensor:
        """Memories `(..., width)` after a step with inputs `(..., inputs)`."""
        return self._step(self.entering(inputs), memory)

    def along(self, sequence: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        """Memories after every step, `(n, steps, width)`, which steps that are not real leave.

        Arguments:
            sequence: `(n, steps, inputs)`.
            memory: before it, `(n, width)`.
            real: `(n, steps)` 1 for each step that counts, else 0.
        """
        entering, outputs = self.entering(sequence), []
        for step in range(sequence.shape[1]):
            after = self._step(entering[:, step], memory)
            memory = torch.where(real[:, step, None] > 0, after, memory)
            outputs.append(memory)
        return torch.stack(outputs, 1)

    def _step(self, entering: Tensor, memory: Tensor) -> Tensor:
        reset, keep, fresh = entering.chunk(3, -1)
        own_reset, own_keep, own_fresh = self.returning(memory).chunk(3, -1)
        fresh = (fresh + (reset + own_reset).sigmoid() * own_fresh).tanh()
        return fresh + (keep + own_keep).sigmoid() * (memory - fresh)
