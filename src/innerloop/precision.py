"""Full precision in single places of a run in mixed precision."""

import torch
from torch import Tensor


def wide(values: Tensor) -> Tensor:
    """Values in float32 at least.

    Example:
        >>> wide(torch.ones(1, dtype=torch.bfloat16)).dtype, wide(torch.ones(1).double()).dtype
        (torch.float32, torch.float64)
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def in_full(values: Tensor) -> torch.autocast:
    """While open, products of matrices keep the precision of their factors, also under autocast.

    Arguments:
        values: on the device of the products.
    """
    return torch.autocast(values.device.type, enabled=False)
