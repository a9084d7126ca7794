"""Exact match against PyTorch's cross-entropy, and against counting."""

import pytest
import torch
from torch.nn import functional as F

from innerloop.errors import UserError
from innerloop.objectives.exact_match import ExactMatch
from innerloop.tasks import Padded

N, LENGTH, TOKENS = 6, 3, 4
LABELS = torch.arange(N * LENGTH).reshape(N, LENGTH) % TOKENS
TARGETS = F.one_hot(LABELS, TOKENS).float().flatten(1)
OBJECTIVE = ExactMatch(LENGTH, TOKENS)


def test_the_loss_is_pytorchs_cross_entropy_of_all_tokens() -> None:
    outputs = torch.randn(N, LENGTH * TOKENS)
    expected = F.cross_entropy(outputs.view(-1, TOKENS), LABELS.flatten())
    torch.testing.assert_close(OBJECTIVE.loss(outputs, TARGETS), expected)


def test_scores_count_right_lists_and_right_tokens() -> None:
    outputs = TARGETS.clone()
    outputs[0] = TARGETS[0].roll(1)  # all three tokens wrong
    outputs[1, :TOKENS] = TARGETS[1, :TOKENS].roll(1)  # one token wrong
    scores = OBJECTIVE.scores(outputs, TARGETS)
    assert scores["exact_match"].item() == pytest.approx(4 / 6)
    assert scores["token_accuracy"].item() == pytest.approx(14 / 18)


def test_a_token_that_cannot_be_written_is_wrong_and_costs_nothing() -> None:
    outputs, targets = torch.randn(1, LENGTH * TOKENS), TARGETS[:1].clone()
    targets[0, :TOKENS] = 0
    rest = F.cross_entropy(outputs.view(-1, TOKENS)[1:], LABELS[0, 1:], reduction="sum")
    torch.testing.assert_close(OBJECTIVE.loss(outputs, targets), rest / LENGTH)
    assert OBJECTIVE.scores(TARGETS[:1], targets)["exact_match"] == 0


def test_rows_that_fill_up_a_batch_do_not_count() -> None:
    outputs, real = torch.randn(N, LENGTH * TOKENS), torch.arange(N) < 4
    padded = OBJECTIVE.scores(outputs, Padded(TARGETS, real))
    torch.testing.assert_close(padded, OBJECTIVE.scores(outputs[:4], TARGETS[:4]))


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(UserError, match=r"objective\.length=0"):
        ExactMatch(0, 3)
