"""An endless walk through a set of members, epoch after epoch, without state."""

import functools

import numpy as np

from innerloop.data import sampling


def epoch_members(seed: int, name: str, places: np.ndarray, length: int) -> np.ndarray:
    """The members of `range(length)` at these places of an endless walk through them.

    Each epoch visits every member once, in an order of its own.

    Arguments:
        seed: of the stream of random numbers.
        name: of the stream.
        places: places in the walk, counted from 0, of any shape.
        length: number of members.

    Returns:
        members, in the shape of `places`.
    """
    numbers, within = np.divmod(places, length)
    members = np.empty_like(within)
    for number in np.unique(numbers):
        in_epoch = numbers == number
        members[in_epoch] = _order(seed, name, int(number), length)[within[in_epoch]]
    return members


@functools.lru_cache(2)  # the current epoch, and the next one if a batch reaches into it
def _order(seed: int, name: str, epoch: int, length: int) -> np.ndarray:
    key = sampling.keys(seed, f"{name}/epochs", np.array([epoch]))
    return sampling.permutations(key, length)[0]
