"""Small fully connected networks inside algorithms."""

import itertools

from torch import nn


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers from each width to the next, each followed by GELU.

    Example:
        >>> [layer.out_features for layer in perceptron(2, 8, 8) if isinstance(layer, nn.Linear)]
        [8, 8]
    """
    layers: list[nn.Module] = []
    for narrow, wide in itertools.pairwise(widths):
        layers += [nn.Linear(narrow, wide), nn.GELU()]
    return nn.Sequential(*layers)
