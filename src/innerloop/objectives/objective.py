"""The interface of objectives."""

from typing import Literal, Protocol

from torch import Tensor

from innerloop.objectives.metric import Metric

Answers = Literal["classes", "targets"] | None
Tasks = Literal["examples", "environments"]


class Objective(Protocol):
    """The loss, the metrics and the output width of a learner.

    The user chooses it for a data set, so that an algorithm need not know what the data is. A class
    that inherits from this one gets the defaults. One that judges how a learner acts has an
    attribute `tasks = "environments"` as well.
    """

    metric: Metric  #: the headline metric; its name is a key of `scores`
    #: The kind of targets, for the audit. `classes`: labels that may be renamed, with the share of
    #: right answers as the headline metric, so that chance is known. `targets`: real numbers. None:
    #: neither; the audit then disturbs no label.
    answers: Answers = None
    loss_unit: str = ""  #: unit of the loss, for the axes of pictures

    @property
    def width(self) -> int:
        """Number of outputs of a head that the outer loop trains."""

    def classes(self, training: bool) -> int | None:
        """Number of classes of a training task or a test task; None if tasks have no classes."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The scalar loss of `n` examples, which the inner and the outer loop minimise.

        Arguments:
            outputs: `(n, width)`.
            targets: `(n,)` class labels, or `(n, d)` real targets.
        """

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The metrics of one task's outputs: scalars, the headline metric first.

        Vectors may follow, of which only the mean over tasks is informative; see
        `innerloop.evaluation.pooled`. It must run under `vmap`.

        Arguments:
            outputs, targets: as in `loss`.
        """
