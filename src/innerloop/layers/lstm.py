"""A recurrent network of one layer that many tasks can run side by side, also in an inner loop."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Memory = tuple[Tensor, Tensor]  #: output and cell, `(..., width)` both


class LSTMCell(nn.Module):
    r"""One step of an LSTM (Hochreiter and Schmidhuber 1997) in plain operations.

    .. math:: c' = \sigma(f) c + \sigma(i) \tanh(g), \qquad h' = \sigma(o) \tanh(c')

    It equals `torch.nn.LSTMCell`, which cannot be differentiated twice on a GPU, nor run for many
    tasks side by side.

    Arguments:
        inputs: numbers of an input.
        width: numbers of an output.
        spread: of the first weights, which are uniform in ± this.

    Example:
        >>> cell = LSTMCell(4, 20)
        >>> output, memory = cell(torch.zeros(7, 4), (torch.zeros(7, 20), torch.zeros(7, 20)))
        >>> output.shape, memory.shape
        (torch.Size([7, 20]), torch.Size([7, 20]))
    """

    def __init__(self, inputs: int, width: int, spread: float = 0.1) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.empty(4 * width, inputs + width))
        self.bias = nn.Parameter(torch.empty(4 * width))
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -spread, spread)

    def forward(self, inputs: Tensor, memory: Memory) -> Memory:
        """Output and cell after one step.

        Arguments:
            inputs: `(..., inputs)`.
            memory: output and cell before it.
        """
        output, cell = memory
        gates = F.linear(torch.cat([inputs, output], -1), self.weight, self.bias)
        enter, forget, value, leave = gates.chunk(4, -1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * value.tanh()
        return leave.sigmoid() * cell.tanh(), cell

    def along(self, sequence: Tensor, real: Tensor) -> Tensor:
        """Outputs `(n, width)` along a sequence `(n, inputs)`, passing over rows that are not real.

        Arguments:
            real: `(n,)` bool.
        """
        zero = sequence.new_zeros(self.width)
        memory, outputs = (zero, zero), []
        for inputs, counts in zip(sequence, real, strict=True):
            (output, cell), (before, cell_before) = self(inputs, memory), memory
            memory = torch.where(counts, output, before), torch.where(counts, cell, cell_before)
            outputs.append(memory[0])
        return torch.stack(outputs)
