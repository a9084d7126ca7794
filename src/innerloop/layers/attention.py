"""Attention whose gradient can be differentiated again."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def differentiable_twice(wanted: bool = True) -> Iterator[None]:
    """While open, attention is made of plain operations.

    PyTorch's fused kernels have no second derivative, and no rule for many tasks side by side.

    Arguments:
        wanted: False changes nothing.
    """
    if not wanted:
        yield
        return
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
