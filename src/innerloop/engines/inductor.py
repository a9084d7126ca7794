"""Compiling a traced graph by Inductor."""

import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.fx import GraphModule

from innerloop.engines import products
from innerloop.machine.files import cache_folder

Graph = Callable[..., list[Tensor]]


def compile(graph: GraphModule, inputs: Sequence[Tensor]) -> Graph:
    """The graph as machine code, for inputs of these shapes."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "compiled"))
    products.turn(graph)
    wrapper = inputs[0].device.type == "cpu"  # saves a tenth of a call of small networks
    compiled: Graph = torch._inductor.compile(graph, [*inputs], {"cpp_wrapper": wrapper})
    return compiled
