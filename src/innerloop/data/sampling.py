"""Random numbers without state, and draws without replacement, for many keys at a time.

A counter-based generator (SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", 2014) has no state to save or to share: the task of an index does not depend on the
number of workers and processes, nor on whether a run was resumed. Keys are uint64.
"""

import functools
import zlib

import numpy as np
from scipy import special

VERSION = 1  #: increase it whenever the same seed and index would give another task

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LAST = np.uint64(2**64 - 1)


def _mix(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


def keys(seed: int, name: str, indices: np.ndarray) -> np.ndarray:
    """One 64-bit key for each index, in the shape of `indices`.

    Arguments:
        seed: any integer; only its lowest 64 bits count.
        name: of a stream of random numbers, such as a split.
        indices: of the stream, of any shape.
    """
    places = _mix(np.asarray(indices).astype(np.uint64) * _STEP + _FIRST)
    return _mix(_stream(seed, name) + places)


@functools.cache  # needed at every step
def _stream(seed: int, name: str) -> np.ndarray:
    stream = np.array([seed % 2**64, zlib.crc32(name.encode())], np.uint64)
    return _mix(_mix(stream[:1] + _STEP) + stream[1:] * _STEP)


def split(key: np.ndarray, count: int) -> np.ndarray:
    """`count` new keys from each key: shape `(*key.shape, count)`."""
    return _mix(key[..., None] + _counters(count))


@functools.lru_cache(64)
def _counters(count: int) -> np.ndarray:
    return (np.arange(count, dtype=np.uint64) + np.uint64(1)) * _STEP


def uniform(key: np.ndarray, count: int) -> np.ndarray:
    """`count` float64 numbers in [0, 1) from each key: shape `(*key.shape, count)`."""
    return (split(key, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def integers(key: np.ndarray, bound: int | np.ndarray, count: int) -> np.ndarray:
    """`count` integers in [0, bound) from each key: shape `(*key.shape, count)`.

    Arguments:
        key: of any shape.
        bound: one number, or an array that broadcasts to the shape of the result.
        count: integers from each key.
    """
    return (uniform(key, count) * bound).astype(np.int64)


def normal(key: np.ndarray, count: int) -> np.ndarray:
    """`count` standard normal numbers from each key: shape `(*key.shape, count)`."""
    return special.ndtri(uniform(key, count) + 2.0**-54)  # never at 0, where it is infinite


def permutations(key: np.ndarray, length: int) -> np.ndarray:
    """A random order of `range(length)` for each key: shape `(*key.shape, length)`."""
    return np.argsort(split(key, length), axis=-1)


def child(key: np.ndarray, number: np.ndarray) -> np.ndarray:
    """The key that `split` makes at place `number`: one for each key, in the shape of `key`."""
    return _mix(key + (number.astype(np.uint64) + np.uint64(1)) * _STEP)


def shuffled(key: np.ndarray, real: np.ndarray) -> np.ndarray:
    """The n places, those that are real first in random order, then the others: `(..., n)`.

    Arguments:
        key: `(..., n)`, one for each place.
        real: `(..., n)` bool.
    """
    return np.argsort(np.where(real, key >> np.uint64(1), _LAST), axis=-1)


def choose(key: np.ndarray, population: int | np.ndarray, count: int) -> np.ndarray:
    """`count` different members of `range(population)` in random order: `(*key.shape, count)`.

    Robert Floyd's method ("A sample of brilliance", 1987) takes `count` draws for a population of
    any size, each vectorised over all keys.

    Arguments:
        key: of any shape.
        population: one number, or one for each key; none below `count`.
        count: members for each key.
    """
    order, draws = np.moveaxis(split(key, 2), -1, 0)
    top = np.broadcast_to(np.asarray(population), key.shape)[..., None] - count + np.arange(count)
    return np.take_along_axis(_floyd(draws, top), permutations(order, count), -1)


def choose_each(key: np.ndarray, population: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """`choose` with a count for each key: `(*key.shape, counts.max())`.

    Of each row, only the first `counts` members are meant.

    Arguments:
        key: of any shape.
        population: `(*key.shape)` numbers.
        counts: `(*key.shape)` numbers, none above its population.
    """
    order, draws = np.moveaxis(split(key, 2), -1, 0)
    places = np.arange(counts.max())
    top = (population - counts)[..., None] + places
    random_order = shuffled(split(order, len(places)), places < counts[..., None])
    return np.take_along_axis(_floyd(draws, top), random_order, -1)


def _floyd(draws: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Different numbers `(..., count)`, the i-th at most `top[..., i]`."""
    picks = integers(draws, top + 1, top.shape[-1])
    for i in range(1, top.shape[-1]):
        taken = (picks[..., :i] == picks[..., i : i + 1]).any(-1)
        picks[..., i] = np.where(taken, top[..., i], picks[..., i])
    return picks
