"""float64, which Apple's GPUs do not have: there it is computed on the processor."""

from torch import Tensor

WITHOUT = {"mps"}  #: kinds of devices without float64


def exact(value: Tensor) -> Tensor:
    """A tensor in float64, on its device or, if that has no float64, on the processor.

    Whole numbers keep their type, and are on the same device as the others.

    Example:
        >>> import torch
        >>> exact(torch.ones(1)).dtype, exact(torch.ones(1, dtype=torch.int32)).dtype
        (torch.float64, torch.int32)
    """
    here = value.cpu() if value.device.type in WITHOUT else value
    return here.double() if here.is_floating_point() else here
