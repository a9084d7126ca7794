"""One piece of work as one CUDA graph, with the memory that it reads and writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Work = Callable[..., object]  #: takes tensors, returns a tree of tensors


class Recording:
    """Work on tensors that is launched at once, at fixed places in the GPU's memory.

    Layers that draw random numbers draw new ones at each replay: the graph advances the device's
    generator.

    Arguments:
        work: takes the inputs.
        inputs: of the shapes that it is recorded for.
        pool: memory that graphs share, from `torch.cuda.graph_pool_handle`.
    """

    def __init__(self, work: Work, inputs: list[Tensor], pool: Any) -> None:
        self.work, self.pool = work, pool
        with torch.inference_mode(False):  # so that batches may be copied here in any mode
            self.inputs = [x.detach().clone() for x in inputs]
        self.graph = torch.cuda.CUDAGraph()
        self.outputs: object = None

    def warm_up(self) -> object:
        """Runs the work on a side stream, where libraries allocate what they keep."""
        current, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(current)
        with torch.cuda.stream(side):
            outputs = self.work(*self.inputs)
        current.wait_stream(side)
        return outputs

    def capture(self) -> None:
        """Records the work. Other threads, such as one that pins memory, may use the device."""
        mode = "thread_local"
        with (
            _without_cached_casts(),
            torch.cuda.graph(self.graph, pool=self.pool, capture_error_mode=mode),
        ):
            self.outputs = self.work(*self.inputs)

    def replay(self, inputs: list[Tensor]) -> object:
        """What the work gives for other inputs; the next replay overwrites it."""
        with torch.no_grad():
            for place, value in zip(self.inputs, inputs, strict=True):
                place.copy_(value, non_blocking=True)
        self.graph.replay()
        return self.outputs


@contextmanager
def _without_cached_casts() -> Iterator[None]:
    """Parameters that autocast had rounded before would stay as they are in every replay."""
    before = torch.is_autocast_cache_enabled()
    torch.clear_autocast_cache()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(before)
