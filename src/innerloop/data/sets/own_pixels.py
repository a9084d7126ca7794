"""Size, channels and normalisation of a user's own images."""

from collections.abc import Sequence

import numpy as np

from innerloop.data.packs.pictures import Reading
from innerloop.errors import UserError


def reading_of(size: int, channels: int) -> Reading:
    """How images become inputs.

    Raises:
        UserError: for impossible numbers.
    """
    if channels not in (1, 3):
        raise UserError(f"dataset.channels={channels}: use 3 for colour or 1 for grey.")
    if not isinstance(size, int) or size < 1:
        raise UserError(f"dataset.size={size}: give the pixels of a side, from 1.")
    return Reading(size, channels)


def per_channel(key: str, values: Sequence[float], channels: int, low: float) -> list[float]:
    """The numbers of each channel, or one number for all; each must be above `low`."""
    try:
        numbers = np.atleast_1d(np.asarray(values, float))
    except (TypeError, ValueError):
        numbers = np.array([])
    if numbers.shape not in ((1,), (channels,)) or not ((low < numbers) & (numbers < np.inf)).all():
        raise UserError(
            f"dataset.{key}={values}: give one number{' above 0' if low == 0 else ''} for all "
            f"channels, or {channels} numbers."
        )
    return numbers.tolist()
