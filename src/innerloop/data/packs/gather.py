"""Reads the images at the places of a batch from a pack in memory."""

import numpy as np
import torch
from torch import Tensor

from innerloop.data.packs.resident import Places


def gather(images: np.ndarray, places: Places, rotations: bool) -> Tensor:
    """The images at these places, `(T, n, channels, height, width)` uint8.

    Arguments:
        images: of a split, `(images, height, width, channels)`.
        places: `(T, n)` rows and quarter-turns.
        rotations: whether some images are turned.
    """
    chosen = images[places.rows.numpy()]
    if rotations:
        _rotate(chosen, places.turns.numpy())
    return torch.from_numpy(np.moveaxis(chosen, -1, -3)).contiguous()


def _rotate(images: np.ndarray, turns: np.ndarray) -> None:
    """Turns images `(T, n, height, width, channels)` in place by `(T, n)` quarter-turns."""
    for turn in (1, 2, 3):
        chosen = turns == turn
        images[chosen] = np.rot90(images[chosen], turn, axes=(1, 2))
