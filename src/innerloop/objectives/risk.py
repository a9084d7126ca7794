"""The risk of an outcome: cross-entropy to learn from, AUROC and calibration to judge by."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.objectives.classification import BINS, Classification
from innerloop.objectives.metric import Metric
from innerloop.precision import in_full, wide
from innerloop.tasks import PADDING

ABSENT = 0.001  #: the probability of an outcome that the support does not have


class Risk(Classification):
    r"""Two classes, of which the second is an outcome such as death, with a risk for each query.

    .. math:: r_i = \sigma(\hat y_{i1} - \hat y_{i0}), \qquad
        AUROC = \frac{1}{n_0 n_1} \sum_{y_i = 1, y_j = 0} [r_i > r_j] + \tfrac12 [r_i = r_j]

    A task may have one class only. If the support has, learners cannot predict the other class,
    whose probability is then `ABSENT`, so that the loss stays finite. If the queries have, there is
    nothing to rank, and AUROC is one half.

    Arguments:
        ways, test_ways: classes of a task: 2.

    Raises:
        UserError: for another number of classes.

    Example:
        >>> outputs = torch.tensor([[0.0, 2.0], [0.0, 1.0], [0.0, -1.0]])
        >>> float(Risk().scores(outputs, torch.tensor([1, 0, 1]))["auroc"])
        0.5
    """

    metric = Metric("auroc", unit="%", scale=100.0, label="AUROC (%)")
    answers = None

    def __init__(self, ways: int = 2, test_ways: int = 2) -> None:
        if (ways, test_ways) != (2, 2):
            raise UserError(
                f"objective: ways={ways}, test_ways={test_ways}: a risk is that of one outcome, so "
                "that there are 2 classes. Set episode.ways=2."
            )
        super().__init__(ways, test_ways)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        logits, real = _log_odds(outputs), targets != PADDING
        died = (targets == 1).to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, died, reduction="none")
        return torch.where(real, losses, 0).sum() / real.sum()

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The metrics of one task, without its padding; the last one is a vector.

        * `auroc`,
        * `loss`: cross-entropy, in nats,
        * `brier`: the mean of :math:`(r_i - y_i)^2`,
        * `risk_excess`: the mean risk minus the share with the outcome, which is 0 for a learner
          that is calibrated in the large,
        * `class_accuracy` `(2,)`, at a risk of one half,
        * `calibration_gaps` `(BINS + 1,)`: the sum of risk minus outcome over the queries of each
          bin of the risk, then the number of all queries.
        """
        logits = _log_odds(outputs)
        real, died = (targets != PADDING).to(logits.dtype), (targets == 1).to(logits.dtype)
        gaps = (logits.sigmoid() - died) * real
        hits = ((logits > 0) == (targets == 1)).to(logits.dtype)
        alive = real - died
        shares = [(hits * own).sum() / own.sum() for own in (alive, died)]
        return {
            "auroc": auroc(logits, died, alive),
            "loss": self.loss(outputs, targets),
            "brier": gaps.square().sum() / real.sum(),
            "risk_excess": gaps.sum() / real.sum(),
            "class_accuracy": torch.stack(shares),
            "calibration_gaps": _binned(gaps, logits.sigmoid(), real),
        }


def _log_odds(outputs: Tensor) -> Tensor:
    """The logarithm of the odds of the outcome, `(n,)`, in float32 at least; never infinite."""
    outputs = wide(outputs)
    limit = math.log(1 / ABSENT - 1)
    return (outputs[:, 1] - outputs[:, 0]).nan_to_num(posinf=limit, neginf=-limit)


def auroc(scores: Tensor, ill: Tensor, well: Tensor) -> Tensor:
    """The probability that a query with the outcome has a higher score than one without it.

    Arguments:
        scores: `(n,)`.
        ill, well: `(n,)`, 1 for the queries with and without the outcome, otherwise 0.
    """
    order = (scores[:, None] - scores).sign() / 2 + 0.5
    with in_full(scores):
        wins, pairs = ill @ order @ well, ill.sum() * well.sum()
    return torch.where(pairs > 0, wins / pairs.clamp(min=1), 0.5)


def _binned(gaps: Tensor, risks: Tensor, real: Tensor) -> Tensor:
    bins = (risks * BINS).long().clamp(max=BINS - 1)
    member = (bins[:, None] == torch.arange(BINS, device=bins.device)).to(gaps.dtype)
    return torch.cat([(member * gaps[:, None]).sum(0), real.sum()[None]])
