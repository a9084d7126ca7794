"""A lower bound of the time of a step: its floating-point operations at the speed of a matmul."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

SIZE, REPEATS = 2048, 12


def work(call: Callable[[], object]) -> int:
    """The number of floating-point operations in the matrix products and convolutions of a call."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def matmul_rate(device: str = "cpu") -> float:
    """Floating-point operations per second of the fastest of several large matrix products."""
    a, b = (torch.randn(SIZE, SIZE, device=device) for _ in range(2))
    return 2 * SIZE**3 / min(_seconds(a, b) for _ in range(REPEATS))


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    began = time.perf_counter()
    float((a @ b)[0, 0])  # waits for a GPU
    return time.perf_counter() - began
