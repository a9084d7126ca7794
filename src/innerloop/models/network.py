"""A model: a body that makes features, and a linear head that reads them."""

from typing import Any

from torch import Tensor, nn


class Network(nn.Module):
    """`head(body(inputs))`.

    Arguments:
        body: any module with an attribute `width`, the number of its features.
        outputs: width of the head, from the data set's objective.
    """

    def __init__(self, body: nn.Module, outputs: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(int(body.width), outputs)  # type: ignore[arg-type]

    def forward(self, inputs: Any) -> Tensor:
        return self.head(self.body(inputs))
