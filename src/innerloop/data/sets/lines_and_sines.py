"""Few-shot regression of two kinds of functions (Vuorio et al., "Multimodal model-agnostic
meta-learning via task-aware modulation", 2019)."""

import math

import numpy as np

from innerloop.data import sampling
from innerloop.data.curves import Curves, scaled


class LinesAndSines(Curves):
    r"""Tasks :math:`y = A \sin(x - \varphi)` or :math:`y = a x + b`, equally likely.

    Deviations: a training batch of the authors' code has exactly as many lines as sines; here each
    task draws its own kind.

    References:
        Vuorio, Sun, Hu and Lim, "Multimodal model-agnostic meta-learning via task-aware
        modulation", 2019.

    Arguments:
        amplitude, phase: ranges of A and of the phase, in radians.
        slope, intercept: ranges of a and b.
        span, noise: see `innerloop.data.curves.Curves`.

    Example:
        >>> from innerloop.tasks import Episode
        >>> LinesAndSines().tasks("train", np.arange(2), Episode(1, 5, 9), 0).query.targets.shape
        torch.Size([2, 9, 1])
    """

    def __init__(
        self,
        amplitude: tuple[float, float] = (0.1, 5.0),
        phase: tuple[float, float] = (0.0, math.pi),
        slope: tuple[float, float] = (-3.0, 3.0),
        intercept: tuple[float, float] = (-3.0, 3.0),
        span: tuple[float, float] = (-5.0, 5.0),
        noise: float = 0.0,
    ) -> None:
        super().__init__(span, noise)
        self.amplitude, self.phase = tuple(amplitude), tuple(phase)
        self.slope, self.intercept = tuple(slope), tuple(intercept)

    def values(self, keys: np.ndarray, x: np.ndarray) -> np.ndarray:
        draws = np.moveaxis(sampling.uniform(keys, 3)[..., None], 1, 0)
        sine = scaled(draws[1], self.amplitude) * np.sin(x - scaled(draws[2], self.phase))
        line = scaled(draws[1], self.slope) * x + scaled(draws[2], self.intercept)
        return np.where(draws[0] < 0.5, sine, line)

    def fingerprint(self, split: str) -> str:
        return (
            f"lines_and_sines amplitude={self.amplitude} phase={self.phase} slope={self.slope} "
            f"intercept={self.intercept} span={self.span} noise={self.noise}"
        )
