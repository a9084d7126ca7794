"""Random numbers from integer keys in PyTorch: without state, and side by side under `vmap`.

As in `innerloop.data.sampling`, whose SplitMix64 this is (Steele, Lea and Flood, "Fast splittable
pseudorandom number generators", 2014), in int64, which wraps around as uint64 does.
"""

import torch
from torch import Tensor

_STEP = 0x9E3779B97F4A7C15 - 2**64
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64


def fold(keys: Tensor, number: int) -> Tensor:
    """Other keys for each number, such as that of an inner step: int64 in the shape of `keys`."""
    return _mix(keys + _signed(_STEP * (number + 1)))


def uniform(keys: Tensor, count: int) -> Tensor:
    """`count` float64 numbers inside (0, 1) from each key: `(*keys.shape, count)`."""
    places = torch.arange(1, count + 1, device=keys.device) * _STEP
    bits = _shifted(_mix(keys[..., None] + places), 11)
    return (bits.double() + 0.5) * 2.0**-53


def normal(uniforms: Tensor) -> Tensor:
    """The standard normal numbers that belong to uniform ones, float64."""
    return torch.special.ndtri(uniforms)


def _signed(number: int) -> int:
    """The number modulo 2**64, as int64 holds it."""
    return (number + 2**63) % 2**64 - 2**63


def _mix(bits: Tensor) -> Tensor:
    bits = (bits ^ _shifted(bits, 30)) * _FIRST
    bits = (bits ^ _shifted(bits, 27)) * _SECOND
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Shifted to the right, with zeros from the left."""
    return (bits >> by) & (2 ** (64 - by) - 1)
