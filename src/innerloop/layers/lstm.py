"""A long short-term memory of plain operations, which many tasks can run side by side."""

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]  #: output and memory, each `(n, width)`


class LSTM(nn.Module):
    """One step of a long short-term memory; PyTorch's own has no rule for `vmap`.

    Arguments:
        inputs: width of an input.
        width: of output and memory.

    Example:
        >>> state = (torch.zeros(2, 4), torch.zeros(2, 4))
        >>> output, memory = LSTM(3, 4)(torch.ones(2, 3), state)
        >>> output.shape
        torch.Size([2, 4])
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.of_input, self.of_output = nn.Linear(inputs, 4 * width), nn.Linear(width, 4 * width)

    def forward(self, inputs: Tensor, state: State) -> State:
        output, memory = state
        gates = self.of_input(inputs) + self.of_output(output)
        enter, forget, content, leave = gates.chunk(4, -1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * content.tanh()
        return leave.sigmoid() * memory.tanh(), memory

    def along(self, sequence: Tensor, real: Tensor) -> Tensor:
        """Outputs `(n, width)` along a sequence `(n, inputs)`, passing over rows that are not real.

        Arguments:
            real: `(n,)` bool.
        """
        zero = sequence.new_zeros(self.of_output.in_features)
        state, outputs = (zero, zero), []
        for i in range(len(sequence)):
            step = self(sequence[i], state)
            state = tuple(torch.where(real[i], *pair) for pair in zip(step, state, strict=True))
            outputs.append(state[0])
        return torch.stack(outputs)
