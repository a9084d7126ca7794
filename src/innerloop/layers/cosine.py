"""Cosines between features, exact to float32 whatever the precision of the run."""

from torch import Tensor
from torch.nn import functional as F

from innerloop.precision import in_full, wide


def unit(features: Tensor) -> Tensor:
    """Features `(n, d)` divided by their lengths, in float32 at least; zeros stay zeros.

    Example:
        >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    return F.normalize(wide(features), dim=-1)


def cosines(features: Tensor, centres: Tensor) -> Tensor:
    """The cosine of the angle between each feature and each centre, `(n, k)`.

    Arguments:
        features: `(n, d)`.
        centres: `(k, d)`.

    Example:
        >>> cosines(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        tensor([[1., 0.]])
    """
    with in_full(features):
        return unit(features) @ unit(centres).T
