"""Attention whose gradient can be differentiated again."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch.backends import cuda, mha

# The fused kernels of scaled_dot_product_attention, on a CPU as on a GPU, and their switches. The
# context manager of PyTorch does the same, and takes a hundredth of a small network's step.
FUSED = (
    (cuda.flash_sdp_enabled, cuda.enable_flash_sdp),
    (cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp),
    (cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp),
    (mha.get_fastpath_enabled, mha.set_fastpath_enabled),
)


@contextmanager
def differentiable_twice(wanted: bool = True) -> Iterator[None]:
    """While open, attention is made of plain operations.

    PyTorch's fused kernels have no second derivative, and no rule for many tasks side by side.

    Arguments:
        wanted: False changes nothing.
    """
    switched_on = [switch for is_on, switch in FUSED if is_on()] if wanted else []
    for switch in switched_on:
        switch(False)
    try:
        yield
    finally:
        for switch in switched_on:
            switch(True)
