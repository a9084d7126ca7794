"""A look into a forward pass: what each layer put out, and with which parameters."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm


class Trace(NamedTuple):
    """A forward pass: what each layer put out, and the parameters that it did so with."""

    features: dict[str, Tensor]  #: `(n, ...)` by name of the layer
    parameters: dict[str, Tensor]  #: all of a layer's own, as one vector


def trace(algorithm: Algorithm, adapted: Any, inputs: Any) -> Trace:
    """Watches `algorithm.predict(adapted, inputs)` from within.

    A layer is a module with parameters of its own; the body as a whole is one too, whose features
    the head reads. Layers show the parameters that they are called with, so that this works for
    whatever form an algorithm gives to `adapted`.
    """
    seen, rows = Trace({}, {}), task_tools.count(inputs)

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, arguments: Any, output: Tensor) -> None:
            seen.features[name] = output.detach()[-rows:].clone()  # the support may go before
            own = [p.detach().flatten() for p in layer.parameters(recurse=False)]
            if own:
                seen.parameters[name] = torch.cat(own)

        return hook

    named = dict(algorithm.model.named_modules())
    watched = [k for k, m in named.items() if k == "body" or list(m.parameters(recurse=False))]
    hooks = [named[name].register_forward_hook(watch(name)) for name in watched]
    try:
        algorithm.predict(adapted, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen
