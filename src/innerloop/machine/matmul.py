"""How exactly float32 numbers are multiplied: `trainer.matmul`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

PRECISION = {"ieee": "highest", "tf32": "high", "bf16": "medium"}  #: torch's names


def use(setting: str) -> None:
    """Sets how matrix products and convolutions of float32 numbers are computed.

    PyTorch's own default is `ieee` for products and `tf32` for a GPU's convolutions.

    Arguments:
        setting: `ieee` keeps all 24 bits of the inputs' precision; `tf32` rounds them to 11 bits;
            `bf16` to 8 bits where there is such a product (on CPUs), and to 11 bits elsewhere.
    """
    torch.set_float32_matmul_precision(PRECISION[setting])
    torch.backends.cudnn.allow_tf32 = setting != "ieee"


def current() -> str:
    """The setting of this process."""
    names = {precision: setting for setting, precision in PRECISION.items()}
    return names[torch.get_float32_matmul_precision()]


@contextmanager
def exact() -> Iterator[None]:
    """While open, products and convolutions are those of `ieee`."""
    product = torch.get_float32_matmul_precision()
    convolution = torch.backends.cudnn.allow_tf32
    use("ieee")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(product)
        torch.backends.cudnn.allow_tf32 = convolution
