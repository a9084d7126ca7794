"""Ranking metrics against torchmetrics and all orders of equal items; errors of rated items."""

import itertools
import math

import pytest
import torch
from torch.func import vmap
from torchmetrics.functional.retrieval import retrieval_normalized_dcg, retrieval_recall

from innerloop.errors import UserError
from innerloop.objectives import Rating
from innerloop.objectives.ranked_rating import RankedRating
from innerloop.tasks import Padded

RATED, CANDIDATES = 10, 40


def answers(tasks: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    targets = torch.randint(1, 6, (tasks, RATED + CANDIDATES, 1)).float()
    targets[:, RATED:] = math.nan
    return torch.randn(tasks, RATED + CANDIDATES, 1), targets


def test_rankings_equal_torchmetrics_under_vmap() -> None:
    outputs, targets = answers()
    scores = vmap(RankedRating().scores)(outputs, targets)
    for i in range(len(outputs)):
        gains = targets[i, :, 0].nan_to_num(0)
        recall = retrieval_recall(outputs[i, :, 0], gains > 0, top_k=10)
        torch.testing.assert_close(scores["recall_at_10"][i], recall)
        gain = retrieval_normalized_dcg(outputs[i, :, 0], gains.long(), top_k=10)
        torch.testing.assert_close(scores["ndcg_at_10"][i], gain)


def test_errors_and_loss_are_those_of_the_rated_items() -> None:
    outputs, targets = (part[0] for part in answers())
    objective, plain = RankedRating(), Rating()
    scores = objective.scores(outputs, targets)
    expected = plain.scores(outputs[:RATED], targets[:RATED])
    assert {name: scores[name] for name in expected} == expected
    outputs.requires_grad_()
    (gradient,) = torch.autograd.grad(objective.loss(outputs, targets), outputs)
    same = torch.autograd.grad(plain.loss(outputs[:RATED], targets[:RATED]), outputs)[0]
    torch.testing.assert_close(gradient, same)


@pytest.mark.parametrize("first", [1, 2, 3])
def test_equal_items_count_as_the_mean_over_all_orders(first: int) -> None:
    outputs = torch.tensor([2.0, 1.0, 1.0, 1.0, 0.0])[:, None]
    targets = torch.tensor([math.nan, 5.0, math.nan, 2.0, 4.0])[:, None]
    gains, total = targets[:, 0].nan_to_num(0).tolist(), [0.0, 0.0]
    orders = [o for o in itertools.permutations(range(5)) if o[0] == 0 and o[4] == 4]
    best = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(gains)[::-1][:first]))
    for order in orders:
        top = [gains[i] for i in order[:first]]
        total[0] += sum(g > 0 for g in top) / min(3, first) / len(orders)
        total[1] += sum(g / math.log2(r + 2) for r, g in enumerate(top)) / best / len(orders)
    scores = RankedRating(first=first).scores(outputs, targets)
    assert float(scores[f"recall_at_{first}"]) == pytest.approx(total[0])
    assert float(scores[f"ndcg_at_{first}"]) == pytest.approx(total[1])


def test_a_constant_answer_finds_a_share_of_the_relevant_items() -> None:
    _, targets = answers(1)
    scores = RankedRating().scores(torch.zeros_like(targets[0]), targets[0])
    assert float(scores["recall_at_10"]) == pytest.approx(RATED * 10 / 50 / 10)


def test_padding_and_another_zero_change_nothing() -> None:
    outputs, targets = (part[0] for part in answers())
    expected = RankedRating().scores(outputs, targets)
    real = torch.arange(60) < 50
    padded = Padded(torch.cat([targets, torch.zeros(10, 1)]), real)
    longer = torch.cat([outputs, 9 * torch.ones(10, 1)])
    for name, value in RankedRating().scores(longer, padded).items():
        torch.testing.assert_close(value, expected[name])
    centred = RankedRating(-2.6, 1.4, one=-2.6).scores(outputs - 3.6, targets - 3.6)
    torch.testing.assert_close(centred["ndcg_at_10"], expected["ndcg_at_10"])


def test_an_impossible_number_is_refused() -> None:
    with pytest.raises(UserError, match="first=0"):
        RankedRating(first=0)


def test_rankings_are_exact_under_autocast() -> None:
    outputs, targets = (part[0] for part in answers())
    plain = RankedRating().scores(outputs, targets)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = RankedRating().scores(outputs, targets)
    torch.testing.assert_close(rounded, plain, rtol=0, atol=0)
