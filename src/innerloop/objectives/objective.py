"""What a learner is judged by: its loss, its metrics, and the width of its output."""

from typing import Literal, Protocol

from torch import Tensor

from innerloop.objectives.metric import Metric

Answers = Literal["classes", "targets"] | None


class Objective(Protocol):
    """The user chooses it for a data set; an algorithm is told, and never asks what the data is.

    A class that inherits from this one has the defaults.
    """

    metric: Metric  #: the headline metric, whose name is a key of `scores`
    #: What the audit may take targets for. `classes`: labels that may be renamed, and a headline
    #: that is the share of right answers, so that chance is known. `targets`: real numbers. None:
    #: neither, and no label is disturbed.
    answers: Answers = None
    loss_unit: str = ""  #: of the loss, for the axes of pictures

    @property
    def width(self) -> int:
        """Number of outputs of a head that is trained with the learner."""

    def classes(self, training: bool) -> int | None:
        """Number of classes of a training or a test task; None where tasks have none."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """What adaptation descends and the outer loop minimises: a scalar for `n` examples."""

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """What judges one task's outputs: scalars, the headline metric first.

        Vectors may follow, whose mean over tasks says what no single task can; see
        `innerloop.evaluation.pooled`. Runs under `vmap`.
        """
