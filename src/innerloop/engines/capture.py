"""Computations that are recorded once on a GPU, as a CUDA graph, and replayed on new inputs.

Launching the thousands of small kernels of an outer step takes Python ten times as long as they
take to run. A graph launches all of them at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_map, tree_unflatten

from innerloop.engines import memory
from innerloop.tasks import Tree

MOST = 8  #: graphs that are kept: each has memory of its own
WARM_UP = 3  #: runs before the recording, in which libraries choose and load their kernels

Given = TypeVar("Given")  #: a tree of tensors, the inputs
Replay = Callable[[], None]
Record = Callable[[Callable[[], Tree]], tuple[Tree, Replay]]


class CannotCaptureError(Exception):
    """The computation cannot be recorded; the cause says why."""


class Graph(NamedTuple):
    """A recorded computation.

    Arguments:
        inputs: tensors that it reads; they are overwritten before each replay.
        outputs: trees of tensors that each replay overwrites.
        replay: runs it again.
    """

    inputs: list[Tensor]
    outputs: object
    replay: Replay


def on_gpu(compute: Callable[[], Tree]) -> tuple[Tree, Replay]:
    """Records what `compute` launches on the current GPU; returns its outputs and the replay.

    Random numbers are drawn anew in every replay: the graph advances the GPU's generator.
    """
    device = torch.cuda.current_device()
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side), torch.random.fork_rng([device]):
        for _ in range(WARM_UP):
            compute()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Other threads, such as those that pin memory, may go on using the GPU meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = compute()
    return outputs, graph.replay


class Captured:
    """Runs computations as recorded graphs, one for each key and shape of the inputs.

    Arguments:
        record: makes a graph of a computation; tests without a GPU give another.
    """

    def __init__(self, record: Record = on_gpu) -> None:
        self.record = record
        self._graphs: OrderedDict[Hashable, Graph] = OrderedDict()

    def __call__(
        self,
        compute: Callable[[Given], Tree],
        inputs: Given,
        key: Hashable,
        state: Iterable[Tensor],
    ) -> Tree:
        """What `compute(inputs)` returns; the next call with the same key overwrites it.

        Arguments:
            compute: launches the same kernels for all inputs of these shapes.
            key: what else the computation depends on.
            state: parameters and buffers that it reads or changes where they are.

        Raises:
            CannotCaptureError: if it cannot be recorded.
        """
        leaves, layout = tree_flatten(inputs)
        held = list(state)
        shapes = tuple((x.shape, x.stride(), x.dtype, x.device) for x in leaves)
        full = (key, layout, shapes, torch.is_inference_mode_enabled(), _places(held))
        graph = self._graphs.get(full)
        if graph is None:
            graph = self._recorded(compute, leaves, layout, held)
            self._graphs[full] = graph
            if len(self._graphs) > MOST:
                self._graphs.popitem(last=False)
        else:
            self._graphs.move_to_end(full)
        for own, given in zip(graph.inputs, leaves, strict=True):
            own.copy_(given, non_blocking=True)
        graph.replay()
        return graph.outputs  # type: ignore[return-value]

    def _recorded(
        self,
        compute: Callable[[Given], Tree],
        leaves: list[Tensor],
        layout: TreeSpec,
        state: list[Tensor],
    ) -> Graph:
        own = [leaf.clone() for leaf in leaves]
        before = [value.detach().clone() for value in state]
        try:
            with _without_autocast_cache():
                outputs, replay = self.record(lambda: compute(tree_unflatten(own, layout)))
        except Exception as error:
            if memory.ran_out(error):
                raise
            raise CannotCaptureError from error
        finally:  # warming up must not train, as it would running averages
            with torch.no_grad():
                for value, kept in zip(state, before, strict=True):
                    value.copy_(kept)
        return Graph(own, outputs, replay)


def kept(outputs: Tree) -> Tree:
    """Copies that the next replay leaves alone."""
    return tree_map(lambda value: value.clone(), outputs)


@contextmanager
def _without_autocast_cache() -> Iterator[None]:
    """While open, autocast converts weights anew: a graph must not read those of its recording."""
    enabled = torch.is_autocast_cache_enabled()
    torch.clear_autocast_cache()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


def _places(tensors: list[Tensor]) -> tuple[int, ...]:
    """Where the memory of tensors is: a graph reads and writes there."""
    return tuple(tensor.data_ptr() for tensor in tensors)
