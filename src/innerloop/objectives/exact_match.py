"""Lists of tokens as targets: the loss is cross-entropy, and the metric is a list without error."""

import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.metric import Metric
from innerloop.objectives.objective import Answers, Tasks
from innerloop.precision import wide
from innerloop.tasks import Padded


class ExactMatch:
    r"""Cross-entropy of every token of a list; the metric is the share of lists without an error.

    A target is a list of `length` tokens, each a row of `tokens` numbers with a 1 in the place of
    the token. A place of which all numbers are 0 stands for a token that no learner can write: it
    has no loss and is never right. What follows the tokens in a target is ignored: a
    data set may say there what else is known about a training task.

    .. math:: -\frac{1}{n \ell} \sum_{i, j} \log \mathrm{softmax}(\hat y_{ij})_{y_{ij}}

    Arguments:
        length: places of a list, :math:`\ell`; a token for the end fills up shorter ones.
        tokens: number of different tokens.

    Raises:
        UserError: if either is below 1.

    Example:
        >>> outputs = torch.tensor([[9.0, 0.0, 0.0, 9.0], [9.0, 0.0, 9.0, 0.0]])
        >>> targets = torch.tensor([[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
        >>> scores = ExactMatch(length=2, tokens=2).scores(outputs, targets)
        >>> scores["exact_match"], scores["token_accuracy"]
        (tensor(0.5000), tensor(0.7500))
    """

    metric = Metric("exact_match", "%", 100.0, label="exact match (%)")
    answers: Answers = None
    tasks: Tasks = "examples"
    loss_unit = "nats per token"

    def __init__(self, length: int, tokens: int) -> None:
        if length < 1 or tokens < 1:
            raise UserError(
                f"objective.length={length} objective.tokens={tokens}: give 1 or more of each."
            )
        self.length, self.tokens = length, tokens

    @property
    def width(self) -> int:
        return self.length * self.tokens

    def classes(self, training: bool) -> int | None:
        return None

    def loss(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        logits, truth, real = self._places(outputs, targets)
        losses = -(logits.log_softmax(-1) * truth).sum(-1).mean(-1)
        return torch.where(real, losses, 0).sum() / real.sum()

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        logits, truth, real = self._places(outputs, targets)
        chosen = logits.argmax(-1, keepdim=True)
        right = truth.gather(-1, chosen)[..., 0] > 0
        shares = {"exact_match": right.all(-1).float(), "token_accuracy": right.float().mean(-1)}
        means = {name: torch.where(real, s, 0).sum() / real.sum() for name, s in shares.items()}
        return {**means, "loss": self.loss(outputs, targets)}

    def _places(self, outputs: Tensor, targets: Tensor | Padded) -> tuple[Tensor, Tensor, Tensor]:
        """Logits and targets `(n, length, tokens)`, and which rows are real, `(n,)`."""
        if isinstance(targets, Padded):
            values, real = targets
        else:
            values, real = targets, torch.ones_like(targets[:, 0], dtype=torch.bool)
        shape = (len(outputs), self.length, self.tokens)
        logits = wide(outputs)
        truth = values[:, : self.width].reshape(shape)
        return logits.reshape(shape), truth.to(logits.dtype), real
