"""Layers that are known to give the right meta-gradient in every engine, so that nobody checks."""

from torch import nn

# `tests/engines/test_zoo.py` holds each of them to one task at a time, in float64.
KNOWN = frozenset({
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Flatten, nn.Identity, nn.Sequential,
    nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict, nn.ReLU, nn.LeakyReLU,
    nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.MaxPool2d, nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
})  # fmt: skip


def unknown(model: nn.Module) -> list[str]:
    """The kinds of layers that are neither known nor innerloop's own."""
    return list({type(m).__name__: None for m in model.modules() if not _is_known(m)})


def _is_known(layer: nn.Module) -> bool:
    hooks = layer._forward_hooks or layer._forward_pre_hooks  # such as the old weight norm's
    ours = type(layer).__module__.startswith("innerloop.")
    return not hooks and (ours or type(layer) in KNOWN)
