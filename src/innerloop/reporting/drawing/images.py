"""Images of a task on one sheet."""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pictures(inputs: Tensor) -> np.ndarray:
    """`(n, channels, height, width)` of any range as `(n, height, width, 3)` in 0..1.

    A single channel is shown as ink: high values are dark.
    """
    values = inputs.detach().float().cpu()
    values = (values - values.min()) / (values.max() - values.min()).clamp(min=1e-9)
    values = 1 - values if values.shape[1] == 1 else values
    shown: np.ndarray = values[:, :3].expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
    return shown


def sheet(axis: "Axes", images: np.ndarray, places: np.ndarray) -> None:
    """Draws each image with its upper left corner at its place.

    All of them are a single picture, because hundreds of axes would take minutes.

    Arguments:
        images: `(n, height, width, 3)` in 0..1.
        places: `(n, 2)` x and y, in sides of an image.
    """
    height, width = images.shape[1:3]
    across = round((places[:, 0].max() + 1) * width)
    down = round((places[:, 1].max() + 1) * height)
    canvas = np.zeros((down, across, 4))  # transparent between the images
    for image, (x, y) in zip(images, places, strict=True):
        top, left = round(y * height), round(x * width)
        covered = canvas[top : top + height, left : left + width]
        covered[..., :3], covered[..., 3] = image[: down - top, : across - left], 1
    axis.imshow(canvas, extent=(0, across / width, down / height, 0), interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
