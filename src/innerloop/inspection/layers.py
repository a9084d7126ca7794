"""A look into a forward pass: what each layer put out, and with which parameters."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

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
    whatever form an algorithm gives to `adapted`. Of a layer that returns several tensors (an LSTM)
    those with a row for each example are its features; without any it is left out.
    """
    seen, rows = Trace({}, {}), task_tools.count(inputs)
    lengths = {rows}  # of what is one example a row: the support may be run along with the queries

    def measure(part: nn.Module, arguments: Any) -> None:
        lengths.add(task_tools.count(arguments))

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, arguments: Any, output: Any) -> None:
            features = _features(output, lengths, rows)
            if features is None:
                return
            seen.features[name] = features
            own = [p.detach().flatten() for p in layer.parameters(recurse=False)]
            if own:
                seen.parameters[name] = torch.cat(own)

        return hook

    named = dict(algorithm.model.named_modules())
    watched = [k for k, m in named.items() if k == "body" or list(m.parameters(recurse=False))]
    hooks = [named[name].register_forward_hook(watch(name)) for name in watched]
    parts = [named[name] for name in ("body", "head") if name in named]
    hooks += [part.register_forward_pre_hook(measure) for part in parts]
    try:
        algorithm.predict(adapted, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _features(output: Any, lengths: set[int], rows: int) -> Tensor | None:
    """The queries' rows of a layer's output; None if it has no tensor with a row for each."""
    kept = [
        leaf.detach()[-rows:].clone()  # the support goes before
        for leaf in tree_leaves(output)
        if isinstance(leaf, Tensor)
        and leaf.is_floating_point()
        and leaf.dim() > 0
        and len(leaf) in lengths
    ]
    if len(kept) < 2:
        return kept[0] if kept else None
    return torch.cat([part.flatten(1) if part.dim() > 1 else part[:, None] for part in kept], 1)
