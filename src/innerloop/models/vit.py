"""Vision transformers (Dosovitskiy et al., "An image is worth 16x16 words", 2021) of any image
size."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.models.images import check_images

EPS = 1e-6  #: of layer norm, as in the authors' code


class ViT(nn.Module):
    """Patches as tokens beside a class token, whose last value is the feature.

    Arguments:
        input_shape: channels, height and width of an image.
        patch: side of a patch, which divides height and width.
        width: of a token, and of the features; 384 for ViT-S.
        depth: number of layers.
        heads: of the attention, which divide the width.

    Shapes: images `(n, channels, height, width)`, features `(n, width)`.

    Raises:
        UserError: for inputs that are no images, and numbers that do not divide.
    """

    map_shape = None  #: its features are no map

    def __init__(
        self,
        input_shape: Sequence[int],
        patch: int = 7,
        width: int = 384,
        depth: int = 12,
        heads: int = 6,
    ) -> None:
        super().__init__()
        check_images(input_shape, "A vision transformer", patch)
        channels, *sides = input_shape
        if any(side % patch for side in sides) or width % heads:
            raise UserError(
                f"model.body.patch={patch}, width={width}, heads={heads}: patch must divide the "
                f"images' {sides[0]}x{sides[1]}, and heads the width."
            )
        self.width = width
        tokens = (sides[0] // patch) * (sides[1] // patch) + 1
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.positions = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(1, tokens, width), std=0.02)
        )
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, EPS)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        first = self.class_token.expand(len(patches), -1, -1)
        return self.norm(self.layers(torch.cat([first, patches], 1) + self.positions))[:, 0]


class Layer(nn.Module):
    """Self-attention and two linear layers with GELU, each after layer norm and added."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width, EPS)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width, EPS)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self._attend(self.before_attention(tokens))
        return tokens + self.mlp(self.before_mlp(tokens))

    def _attend(self, tokens: Tensor) -> Tensor:
        parts = self.queries_keys_values(tokens).unflatten(2, (3, self.heads, -1))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # each (n, heads, tokens, size)
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self.mixed(mixed.transpose(1, 2).flatten(2))
