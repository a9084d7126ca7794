"""Trees of tensors and plain values, seen as a sequence of their tensors."""

from collections.abc import Sequence
from typing import Any, TypeVar

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

Leaf = TypeVar("Leaf")


class Tensors:
    """The tensors of a tree in their order, and how other ones take their places.

    Arguments:
        tree: of tensors and plain values.

    Example:
        >>> import torch
        >>> one = Tensors({"rate": 0.1, "x": torch.zeros(2)})
        >>> one.constants
        [0.1]
        >>> one.replaced([torch.ones(2)])
        {'rate': 0.1, 'x': tensor([1., 1.])}
    """

    def __init__(self, tree: object) -> None:
        self._leaves, self.layout = tree_flatten(tree)
        self._places = [i for i, leaf in enumerate(self._leaves) if isinstance(leaf, Tensor)]
        self.tensors: list[Tensor] = [self._leaves[i] for i in self._places]

    @property
    def constants(self) -> list[object]:
        """The values that are no tensors."""
        return [leaf for leaf in self._leaves if not isinstance(leaf, Tensor)]

    def replaced(self, tensors: Sequence[Tensor]) -> Any:
        """The tree with these tensors in place of its own."""
        leaves = [*self._leaves]
        for place, tensor in zip(self._places, tensors, strict=True):
            leaves[place] = tensor
        return tree_unflatten(leaves, self.layout)


def moved(
    values: Sequence[Tensor], places: Sequence[int], others: Sequence[Tensor]
) -> list[Tensor]:
    """`values`, of which those at `places` are replaced by `others`."""
    replaced = [*values]
    for place, value in zip(places, others, strict=True):
        replaced[place] = value
    return replaced
