"""The least time that a step could take: its floating-point work at the speed of a matmul."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

SIZE, REPEATS = 2048, 12


def work(call: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products and convolutions that a call runs."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def matmul_rate(device: str = "cpu") -> float:
    """Floating-point operations a second of this machine's best large float32 matrix product."""
    a, b = (torch.randn(SIZE, SIZE, device=device) for _ in range(2))
    return 2 * SIZE**3 / min(_seconds(a, b) for _ in range(REPEATS))


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    began = time.perf_counter()
    float((a @ b)[0, 0])  # waits for a GPU
    return time.perf_counter() - began
