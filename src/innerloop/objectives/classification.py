"""Classes: cross-entropy, accuracy and calibration."""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Tasks
from innerloop.tasks import PADDING

BINS = 15  #: number of equal bins of confidence, for the calibration error


class Classification:
    """Cross-entropy, accuracy and calibration over the classes of a task.

    It does not use torchmetrics, whose calibration error does not run under `vmap`; the tests
    compare all of it with torchmetrics.

    Arguments:
        ways: classes of a training task.
        test_ways: classes of a validation or test task.

    Raises:
        UserError: for less than one class.
    """

    metric = Metric("accuracy", unit="%", scale=100.0)
    answers: Answers = "classes"
    tasks: Tasks = "examples"
    loss_unit = "nats"

    def __init__(self, ways: int, test_ways: int) -> None:
        if min(ways, test_ways) < 1:
            raise UserError(
                f"objective: ways={ways}, test_ways={test_ways}: give 1 or more classes."
            )
        self.ways, self.test_ways = ways, test_ways

    @property
    def width(self) -> int:
        return self.ways

    def classes(self, training: bool) -> int | None:
        return self.ways if training else self.test_ways

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(_wide(outputs), targets)

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """The metrics of one task, without its padding; the last two are vectors.

        * `accuracy`,
        * `loss`, which the inner loop minimises,
        * `nll`, the negative log-likelihood in nats: the same number if the loss is cross-entropy,
        * `class_accuracy` `(ways,)`,
        * `calibration_gaps` `(BINS + 1,)`: the sum of confidence minus hit over the queries of each
          bin, then the number of all queries.

        Arguments:
            outputs: logits `(n, ways)`.
            targets: labels `(n,)`; `PADDING` for rows that only fill up a batch.
        """
        outputs = _wide(outputs)
        real = (targets != PADDING).to(outputs.dtype)
        hits = (outputs.argmax(-1) == targets).to(outputs.dtype)
        return {
            "accuracy": hits.sum() / real.sum(),
            "loss": self.loss(outputs, targets),
            "nll": F.cross_entropy(outputs, targets),
            "class_accuracy": _class_accuracy(hits, targets, outputs.shape[-1]),
            "calibration_gaps": _calibration_gaps(outputs.softmax(-1).amax(-1), hits, real),
        }


def _wide(outputs: Tensor) -> Tensor:
    """The outputs in float32 at least, because autocast would round a small loss away."""
    return outputs.float() if outputs.dtype in (torch.bfloat16, torch.float16) else outputs


def _class_accuracy(hits: Tensor, targets: Tensor, ways: int) -> Tensor:
    """Share of hits among the queries of each class, `(ways,)`; NaN for a class without queries."""
    member = (targets[:, None] == torch.arange(ways, device=targets.device)).to(hits.dtype)
    sizes = member.sum(0)
    shares = (member * hits[:, None]).sum(0) / sizes.clamp(min=1)
    return shares.masked_fill(sizes == 0, torch.nan)


def _calibration_gaps(confidence: Tensor, hits: Tensor, real: Tensor) -> Tensor:
    """Confidence minus hit, summed in each bin; then the number of queries.

    A confidence of exactly 1 belongs to the last bin; torchmetrics gives it a bin of its own.
    """
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    member = (bins[:, None] == torch.arange(BINS, device=bins.device)).to(hits.dtype)
    sums = (member * (real * (confidence - hits))[:, None]).sum(0)
    return torch.cat([sums, real.sum()[None]])
