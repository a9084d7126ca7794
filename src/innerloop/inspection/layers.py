"""The features and parameters of each layer in a forward pass."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.tasks import Inputs

Hook = Callable[[nn.Module, object, object], None]


class Trace(NamedTuple):
    """The layers of a forward pass, by name."""

    features: dict[str, Tensor]  #: outputs, `(n, ...)`
    parameters: dict[str, Tensor]  #: all of a layer's own parameters, as one vector


def trace(algorithm: Algorithm, adapted: Adapted, inputs: Inputs) -> Trace:
    """Records the layers during `algorithm.predict(adapted, inputs)`.

    A layer is a module with parameters of its own. The whole body is one too: its features are the
    input of the head. Each layer is recorded with the parameters that it is called with, so that
    `adapted` may have any form. If a layer returns several tensors (an LSTM), its features are
    those with a row for each example; a layer without such a tensor is left out.

    Arguments:
        adapted: what the algorithm adapted to a task.
        inputs: `n` inputs of that task.
    """
    layers, rows = Trace({}, {}), task_tools.count(inputs)
    lengths = {rows}  # possible numbers of examples: the support may run together with the queries

    def note_length(part: nn.Module, arguments: object) -> None:
        lengths.add(task_tools.count(arguments))

    named = dict(algorithm.model.named_modules())
    recorded = [k for k, m in named.items() if k == "body" or list(m.parameters(recurse=False))]
    hooks = [
        named[name].register_forward_hook(_recording(name, layers, lengths, rows))
        for name in recorded
    ]
    parts = [named[name] for name in ("body", "head") if name in named]
    hooks += [part.register_forward_pre_hook(note_length) for part in parts]
    try:
        algorithm.predict(adapted, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return layers


def _recording(name: str, layers: Trace, lengths: set[int], rows: int) -> Hook:
    """A hook that adds a layer to the trace."""

    def record(layer: nn.Module, arguments: object, output: object) -> None:
        features = _features(output, lengths, rows)
        if features is None:
            return
        layers.features[name] = features
        own = [p.detach().flatten() for p in layer.parameters(recurse=False)]
        if own:
            layers.parameters[name] = torch.cat(own)

    return record


def _features(output: object, lengths: set[int], rows: int) -> Tensor | None:
    """The last `rows` rows of a layer's output; None if no tensor has a row for each example."""
    tensors = [
        leaf.detach()[-rows:].clone()  # rows of the support come first
        for leaf in tree_leaves(output)
        if isinstance(leaf, Tensor)
        and leaf.is_floating_point()
        and leaf.dim() > 0
        and len(leaf) in lengths
    ]
    if len(tensors) < 2:
        return tensors[0] if tensors else None
    return torch.cat([part.flatten(1) if part.dim() > 1 else part[:, None] for part in tensors], 1)
