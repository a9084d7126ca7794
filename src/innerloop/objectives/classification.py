"""Classes: cross-entropy, accuracy and calibration."""

import torch
from torch import Tensor
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers
from innerloop.tasks import PADDING

BINS = 15  #: of equal width, into which confidences are sorted to see whether they are kept


class Classification:
    """Cross-entropy, accuracy and calibration over the classes of a task.

    Written out, because torchmetrics' calibration error refuses `vmap`; all of it is held to
    torchmetrics by the tests.

    Arguments:
        ways: classes of a training task.
        test_ways: classes of a validation or test task.

    Raises:
        UserError: for tasks without classes.
    """

    metric = Metric("accuracy", unit="%", scale=100.0)
    answers: Answers = "classes"
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
        """Of one task, without its padding; the last two are vectors.

        `accuracy`; `loss`, which adaptation descends; `nll`, the negative log-likelihood in nats
        (the same number, as long as the loss is cross-entropy); `class_accuracy` `(ways,)`;
        `calibration_gaps` `(BINS + 1,)`, the sum of confidence less hit over the queries of each
        bin, and the number of all queries.
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
    """Outputs in float32 at least: a loss is a small difference of what autocast rounds."""
    return outputs.float() if outputs.dtype in (torch.bfloat16, torch.float16) else outputs


def _class_accuracy(hits: Tensor, targets: Tensor, ways: int) -> Tensor:
    """Share of hits among the queries of each class; not a number where a class has none."""
    member = (targets[:, None] == torch.arange(ways, device=targets.device)).to(hits.dtype)
    sizes = member.sum(0)
    shares = (member * hits[:, None]).sum(0) / sizes.clamp(min=1)
    return shares.masked_fill(sizes == 0, torch.nan)


def _calibration_gaps(confidence: Tensor, hits: Tensor, real: Tensor) -> Tensor:
    """Confidence less hit, summed in each bin; the last number is that of the queries.

    A confidence of exactly 1 belongs to the last bin; torchmetrics gives it a bin of its own.
    """
    bins = (confidence * BINS).long().clamp(max=BINS - 1)
    member = (bins[:, None] == torch.arange(BINS, device=bins.device)).to(hits.dtype)
    sums = (member * (real * (confidence - hits))[:, None]).sum(0)
    return torch.cat([sums, real.sum()[None]])
