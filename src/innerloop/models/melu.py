"""MeLU's network (Lee et al. 2019): embeddings of categories, and decision layers above them."""

import itertools
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class MeLU(nn.Module):
    r"""Features :math:`[d(x), v]` of :math:`x = [e_{c_1}, ..., e_{c_k}, v]`, where
    :math:`c` are a row's categories, v its numbers, e their embeddings, and d the decision layers.

    MeLU's inner loop moves the decision layers and the head: `algorithm.adapted=["*",
    "!body.embedding.*"]`. Inputs that are a tensor are numbers alone.

    Deviations: numbers, which MeLU does not have, and which also reach the head directly, so that
    an answer may start from what they say. Every category has a vector of its own; MeLU embeds
    sets, such as a film's genres, by a linear map of their indicators, which here are numbers.

    Arguments:
        input_shape: of one input, `{categories: [k], numbers: [d], ...}` or the shape of a tensor.
        categories: number of categories of all columns.
        embedding: width of an embedding.
        hidden: widths of the decision layers.

    References:
        Lee, Im, Jang, Cho and Chung, "MeLU: meta-learned user preference estimator for cold-start
        recommendation", 2019.

    Example:
        >>> body = MeLU({"categories": [2], "numbers": [3]}, categories=10, hidden=[8])
        >>> body({"categories": torch.tensor([[4, 9]]), "numbers": torch.zeros(1, 3)}).shape
        torch.Size([1, 11])
    """

    def __init__(
        self,
        input_shape: Mapping[str, Sequence[int]] | Sequence[int],
        categories: int = 1,
        embedding: int = 32,
        hidden: Sequence[int] = (64, 64),
    ) -> None:
        super().__init__()
        shapes = input_shape if isinstance(input_shape, Mapping) else {"numbers": input_shape}
        numbers, columns = (math.prod(shapes.get(k, [0])) for k in ("numbers", "categories"))
        self.embedding = nn.Embedding(categories, embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        widths = [columns * embedding + numbers, *hidden]
        self.layers = nn.Sequential()
        for narrow, wide in itertools.pairwise(widths):
            self.layers.extend([nn.Linear(narrow, wide), nn.ReLU()])
        self.width = widths[-1] + numbers

    def forward(self, inputs: Mapping[str, Tensor] | Tensor) -> Tensor:
        if isinstance(inputs, Tensor):
            numbers = vectors = inputs.flatten(1)
        else:
            numbers = inputs["numbers"]
            vectors = torch.cat([self.embedding(inputs["categories"]).flatten(1), numbers], 1)
        return torch.cat([self.layers(vectors), numbers], 1)
