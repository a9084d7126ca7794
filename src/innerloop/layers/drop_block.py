"""DropBlock: dropout of whole squares of a feature map (Ghiasi, Lin and Le, "DropBlock: a
regularization method for convolutional networks", 2018)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DropBlock(nn.Dropout2d):
    r"""Sets squares of each channel to zero in training, and scales up what is left.

    The corner of a square is drawn at each place where the square fits into the map, with

    .. math:: \gamma = \frac{p}{s^2} \frac{h w}{(h - s + 1)(w - s + 1)}.

    A square of side 1 is dropout of single values.

    Deviations: the authors scale by the share that is kept in the whole batch. Here each image is
    scaled by its own share, so that images do not affect each other. The authors increase `p`
    during training; here it is constant.

    Arguments:
        p: share of a map that is dropped, about: squares may overlap.
        size: side :math:`s` of a square; smaller maps are dropped as a whole.

    Example:
        >>> layer, maps = DropBlock(0.2, size=2), torch.ones(1, 3, 4, 4)
        >>> torch.equal(layer.eval()(maps), maps)
        True
    """

    def __init__(self, p: float, size: int) -> None:
        super().__init__(p)
        self.size = size

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return input
        height, width = input.shape[-2:]
        size = min(self.size, height, width)
        places = (height - size + 1) * (width - size + 1)
        corners = torch.rand_like(input[..., size - 1 :, size - 1 :].detach())
        drawn = (corners < self.p / size**2 * height * width / places).to(input.dtype)
        kept = 1 - F.max_pool2d(F.pad(drawn, [size - 1] * 4), size, stride=1)
        share = kept.mean((-3, -2, -1), keepdim=True)
        return input * kept / share.clamp(min=1 / kept[0].numel())
