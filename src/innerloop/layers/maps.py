"""Feature maps: what learners need that compare the places of an image.

A body that flattens its last map says so: its attribute `map_shape` is `(channels, height, width)`,
and its features `(n, channels * height * width)` are that map, flattened. The features of any other
body are a map of one place.
"""

from torch import Tensor, nn

MapShape = tuple[int, int, int]  #: channels, height and width


def width_of(body: nn.Module | Tensor) -> int:
    """The number of a body's features; an attribute of a module may be a tensor to mypy."""
    return int(body.width)  # type: ignore[union-attr, arg-type]


def map_shape(body: nn.Module) -> MapShape:
    """The shape of the maps that a body flattens; `(width, 1, 1)` if its features are no map."""
    shape: MapShape | None = getattr(body, "map_shape", None)
    return shape or (width_of(body), 1, 1)


def as_maps(features: Tensor, shape: MapShape) -> Tensor:
    """Features `(..., width)` as maps `(..., channels, height, width)`.

    Example:
        >>> import torch
        >>> as_maps(torch.zeros(5, 12), (3, 2, 2)).shape
        torch.Size([5, 3, 2, 2])
    """
    return features.unflatten(-1, shape)
