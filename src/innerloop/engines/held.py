"""The tensors that a learner holds, listed once: walking over the modules of a small network takes
as long as a part of its compiled step."""

from collections.abc import Collection
from weakref import WeakKeyDictionary

from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm


class Held:
    """What a learner holds when this is made.

    Arguments:
        algorithm: the learner.
    """

    def __init__(self, algorithm: Algorithm) -> None:
        self.parameters = list(algorithm.parameters())
        self.trained = {k: p for k, p in algorithm.named_parameters() if p.requires_grad}
        self.names = tuple(self.trained)
        self.tensors = [*self.trained.values(), *[v for _, v in others(algorithm, self.names)]]
        self._flags, self._moves = self._asked(), algorithm.moves
        self._fixed = not any(True for _ in algorithm.buffers())  # a layer may replace a buffer

    def is_current(self, algorithm: Algorithm) -> bool:
        """Whether the learner still holds the same: it was not moved, frozen or thawed."""
        return self._fixed and self._moves == algorithm.moves and self._flags == self._asked()

    def _asked(self) -> list[bool]:
        return [parameter.requires_grad for parameter in self.parameters]


class Lists:
    """`Held` of each learner, made anew where it is no longer current."""

    def __init__(self) -> None:
        self._held: WeakKeyDictionary[Algorithm, Held] = WeakKeyDictionary()

    def of(self, algorithm: Algorithm) -> Held:
        """What the learner holds."""
        held = self._held.get(algorithm)
        if held is None or not held.is_current(algorithm):
            held = self._held[algorithm] = Held(algorithm)
        return held


def others(algorithm: Algorithm, trained: Collection[str]) -> list[tuple[str, Tensor]]:
    """What the learner holds beside the parameters that are trained."""
    fixed = [(k, p) for k, p in algorithm.named_parameters() if k not in trained]
    return [*fixed, *algorithm.named_buffers()]
