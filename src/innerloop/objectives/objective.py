"""What a learner is judged by: its loss, its metrics, and the width of its output."""

from typing import Protocol

from torch import Tensor


class Objective(Protocol):
    """The data set owns this; an algorithm is told, and never asks what the data is."""

    metric: str  #: the headline metric, a key of `scores`
    higher_is_better: bool

    @property
    def width(self) -> int:
        """Number of outputs of a head that is trained with the learner."""

    def classes(self, training: bool) -> int | None:
        """Number of classes of a training or a test task; None for real targets."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What adaptation descends and the outer loop minimises: a scalar for `n` examples."""

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """What judges one task's outputs: scalars, the headline metric first.

        Vectors may follow, whose mean over tasks says what no single task can; see
        `innerloop.evaluation.pooled`. Runs under `vmap`.
        """
