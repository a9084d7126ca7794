"""Few-shot regression of a wave and its octave (Lacoste et al., "Uncertainty in multitask transfer
learning", 2018)."""

import math

import numpy as np

from innerloop.data import sampling
from innerloop.data.curves import Curves, scaled


class Harmonics(Curves):
    r"""Tasks :math:`y = a_1 \sin(\omega x + b_1) + a_2 \sin(2 \omega x + b_2)`.

    Amplitudes are standard normal, phases uniform in :math:`[0, 2\pi]`.

    Deviations: in the paper a task has a centre, uniform in [-4, 4], and x is normal around it;
    here x is uniform over a span, in which all tasks lie.

    References:
        Lacoste, Oreshkin, Chung, Boquet, Rostamzadeh and Krueger, "Uncertainty in multitask
        transfer learning", 2018.

    Arguments:
        frequency: range of :math:`\omega`, in radians per unit of x.
        span, noise: see `innerloop.data.curves.Curves`.

    Example:
        >>> from innerloop.tasks import Episode
        >>> Harmonics().tasks("train", np.arange(2), Episode(1, 5, 9), 0).query.targets.shape
        torch.Size([2, 9, 1])
    """

    def __init__(
        self,
        frequency: tuple[float, float] = (5.0, 7.0),
        span: tuple[float, float] = (-1.0, 1.0),
        noise: float = 0.1,
    ) -> None:
        super().__init__(span, noise)
        self.frequency = tuple(frequency)

    def values(self, keys: np.ndarray, x: np.ndarray) -> np.ndarray:
        amplitude, rest = np.moveaxis(sampling.split(keys, 2), -1, 0)
        a = sampling.normal(amplitude, 2)[..., None]
        draws = sampling.uniform(rest, 3)[..., None]
        omega, b = scaled(draws[:, 0], self.frequency), 2 * math.pi * draws[:, 1:]
        return a[:, 0] * np.sin(omega * x + b[:, 0]) + a[:, 1] * np.sin(2 * omega * x + b[:, 1])

    def fingerprint(self, split: str) -> str:
        return f"harmonics frequency={self.frequency} span={self.span} noise={self.noise}"
