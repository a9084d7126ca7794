"""A model: a body that makes features, and a linear head that reads them."""

from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.layout import call_opened
from innerloop.tasks import Inputs


class Network(nn.Module):
    """`head(body(inputs))`.

    Arguments:
        body: any module with an attribute `width`, the number of its features.
        outputs: width of the head, from the data set's objective.

    Raises:
        UserError: for a body without features.
    """

    def __init__(self, body: nn.Module, outputs: int) -> None:
        super().__init__()
        self.body = body
        width = int(body.width)  # type: ignore[arg-type]
        if width < 1:
            raise UserError("model.body makes no features: every layer of it needs 1 or more.")
        self.head = nn.Linear(width, outputs)

    def features(self, inputs: Inputs) -> Tensor:
        """The body's features; of padded inputs only the real rows count in batch norm."""
        return call_opened(self.body, inputs)

    def forward(self, inputs: Inputs) -> Tensor:
        return self.head(self.features(inputs))
