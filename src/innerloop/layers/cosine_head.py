"""A linear head that compares directions: outputs are cosines of features and weights."""

from torch import Tensor, nn

from innerloop.layers.cosine import cosines

MANY_CLASSES = 200  #: above so many classes, the usual scale is 10 instead of 2


class CosineHead(nn.Linear):
    r"""Outputs :math:`s \, g_k \cos(x, v_k)`: directions :math:`v_k` and their learned lengths
    :math:`g_k`, as `nn.utils.weight_norm` gives a linear layer on normalised features.

    Arguments:
        width: of the features.
        classes: number of outputs.
        scale: :math:`s`; None for 2, or 10 above 200 classes.
    """

    def __init__(self, width: int, classes: int, scale: float | None = None) -> None:
        super().__init__(width, classes, bias=False)
        self.scale = scale
        self.lengths = nn.Parameter(self.weight.detach().norm(dim=1))

    def forward(self, input: Tensor) -> Tensor:
        scale = self.scale or (2.0 if len(self.weight) <= MANY_CLASSES else 10.0)
        return scale * self.lengths * cosines(input, self.weight)
