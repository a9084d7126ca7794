"""A stand-in for CUDA graphs on a CPU: it records every operation, and replays them in place."""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from innerloop.engines import captured, passes


class Graph:
    """Operations with the tensors that they read and write, as a CUDA graph has addresses."""

    def __init__(self) -> None:
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for function, inputs, keywords, outputs in self.operations:
                again = function(*aliases(inputs), **aliases(keywords))
                for old, new in zip(tree_leaves(outputs), tree_leaves(again), strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def aliases(tree: Any) -> Any:
    """The same memory as other tensors, whose shape may change without changing the first ones'."""
    return tree_map(lambda x: x.detach() if isinstance(x, torch.Tensor) else x, tree)


class Capture(TorchDispatchMode):
    """Records into a graph; refuses what reads a number on the processor, as CUDA does."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def __torch_dispatch__(self, function: Any, types: Any, inputs: Any = (), keywords: Any = None):  # type: ignore[no-untyped-def]
        if function is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        keywords = keywords or {}
        before = aliases(inputs), aliases(keywords)
        outputs = function(*inputs, **keywords)
        self.graph.operations.append((function, *before, aliases(outputs)))
        return outputs


class Stream:
    """A stream of a CPU, where all work is in order; it writes down who waits for whom."""

    history: ClassVar[list[tuple[object, ...]]] = []
    counter = itertools.count(1)

    def __init__(self, number: int | None = None) -> None:
        self.number = next(self.counter) if number is None else number

    def wait_stream(self, other: "Stream") -> None:
        self.history.append(("wait", self.number, other.number))


@contextmanager
def on(stream: Stream) -> Iterator[None]:
    """As `torch.cuda.stream`."""
    Stream.history.append(("run", stream.number))
    yield


@contextmanager
def capture(graph: Graph, pool: object, capture_error_mode: str) -> Iterator[None]:
    """As `torch.cuda.graph`, but that the operations run; random numbers are those from before."""
    with torch.random.fork_rng([]), Capture(graph):
        yield


@contextmanager
def pretend(patch: pytest.MonkeyPatch) -> Iterator[list[Graph]]:
    """While open, engines capture on the CPU; the list holds the graphs that they made."""
    graphs: list[Graph] = []

    def new() -> Graph:
        graphs.append(Graph())
        return graphs[-1]

    current = SimpleNamespace(
        CUDAGraph=new,
        Stream=Stream,
        current_stream=lambda: Stream(0),
        stream=on,
        graph_pool_handle=lambda: (0, 1),
        graph=capture,
    )
    with patch.context() as here:
        for name, value in vars(current).items():
            here.setattr(torch.cuda, name, value)
        here.setattr(passes, "capturable", lambda device: True)
        # The generator of the CPU stands for the device's.
        here.setattr(captured, "_drawn_on_processor", random.getstate)
        here.setattr(captured, "get_device_states", lambda *_: ([], [torch.get_rng_state()]))
        yield graphs
