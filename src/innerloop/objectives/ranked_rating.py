"""Ratings, and how well they rank what a user chose among candidates."""

import torch
from torch import Tensor

from innerloop.errors import UserError
from innerloop.objectives.rating import Rating
from innerloop.precision import in_full
from innerloop.tasks import Padded


class RankedRating(Rating):
    r"""Stars as in `Rating`; beside them, the items of a task are ranked by their predicted stars.

    An item whose target is not a number is a candidate that the user did not rate: it has no loss
    and counts in no error. The items that the user rated are the relevant ones, whatever their
    stars, and an item's gain :math:`g` is its stars, 0 for a candidate.

    .. math:: \text{recall}_k = \frac{|R \cap \text{first } k|}{\min(k, |R|)}, \qquad
        \text{nDCG}_k = \frac{\sum_{r=1}^k g_r / \log_2(r + 1)}{\sum_{r=1}^k g^*_r / \log_2(r + 1)}

    R are the relevant items, :math:`g_r` is the gain of the item at rank r, and :math:`g^*` are the
    gains in descending order.
    Items of equal predicted stars are in random order: the scores are the means over all orders.

    Arguments:
        lowest, highest: the ends of the stars.
        first: k.
        one: the number that stands for one star among the targets.

    Raises:
        UserError: for ends in the wrong order, or `first` below 1.

    Example:
        >>> outputs = torch.tensor([[3.0], [2.0], [1.0]])
        >>> targets = torch.tensor([[4.0], [float("nan")], [5.0]])
        >>> float(RankedRating(first=1).scores(outputs, targets)["recall_at_1"])
        1.0
    """

    def __init__(
        self, lowest: float = 1, highest: float = 5, first: int = 10, one: float = 1
    ) -> None:
        super().__init__(lowest, highest)
        if first < 1:
            raise UserError(f"objective.first={first}: give 1 or more.")
        self.first, self.one = first, one

    def loss(self, outputs: Tensor, targets: Tensor | Padded) -> Tensor:
        return super().loss(outputs, _rated(targets))

    def scores(self, outputs: Tensor, targets: Tensor | Padded) -> dict[str, Tensor]:
        """`mae` and `rmse` of the rated items, `recall_at_k` and `ndcg_at_k` of all."""
        stars, rated = _rated(targets)
        real = targets.real if isinstance(targets, Padded) else torch.ones_like(rated)
        gains = torch.where(rated, stars[:, 0] - self.one + 1, 0)
        recall, ndcg = rankings(
            torch.where(real, outputs[:, 0], -torch.inf), gains, rated.to(gains), self.first
        )
        return {
            **super().scores(outputs, Padded(stars, rated)),
            f"recall_at_{self.first}": recall,
            f"ndcg_at_{self.first}": ndcg,
        }


def rankings(scores: Tensor, gains: Tensor, relevant: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """Recall and nDCG of the order of the scores, as means over all orders of equal ones.

    Arguments:
        scores, gains: `(n,)`.
        relevant: `(n,)`, 1 or 0.
        first: ranks that count.
    """
    above = (scores > scores[:, None]).sum(1)
    equal = (scores == scores[:, None]).sum(1)
    ranks = torch.arange(1, len(scores) + 1, device=scores.device)
    counts = (ranks <= first).to(gains)
    discounts = counts / (ranks + 1).to(gains).log2()

    def mean(weights: Tensor) -> Tensor:
        """The mean weight of the ranks that each item may have."""
        sums = torch.cat([weights.new_zeros(1), weights.cumsum(0)])
        return (sums[above + equal] - sums[above]) / equal

    with in_full(scores):
        best = gains.sort(descending=True).values @ discounts
        ndcg = gains @ mean(discounts) / best
        return relevant @ mean(counts) / relevant.sum().clamp(max=first), ndcg


def _rated(targets: Tensor | Padded) -> Padded:
    """The targets, of which those that are numbers are real."""
    values = targets.values if isinstance(targets, Padded) else targets
    numbers = ~values[:, 0].isnan()
    real = targets.real & numbers if isinstance(targets, Padded) else numbers
    return Padded(torch.where(real[:, None], values, 0), real)
