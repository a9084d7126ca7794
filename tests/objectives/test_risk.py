"""Risks against the figures of torchmetrics, and tasks of one class only."""

import math

import pytest
import torch
from torch.func import vmap
from torchmetrics.functional import mean_squared_error
from torchmetrics.functional.classification import binary_auroc, binary_calibration_error

from innerloop.errors import UserError
from innerloop.evaluation import pooled
from innerloop.objectives import BINS
from innerloop.objectives.risk import ABSENT, Risk
from innerloop.tasks import PADDING


def answers(tasks: int = 5, queries: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs with ties and rare outcomes."""
    targets = (torch.rand(tasks, queries) < 0.2).long()
    targets[:, 0], targets[:, 1] = 0, 1
    outputs = torch.randn(tasks, queries, 2) + targets[..., None] * torch.tensor([0.0, 1.0])
    return (4 * outputs).round() / 4, targets


def test_every_metric_equals_torchmetrics_under_vmap() -> None:
    outputs, targets = answers()
    scores = vmap(Risk().scores)(outputs, targets)
    for i, (own, truth) in enumerate(zip(outputs, targets, strict=True)):
        risk = own.softmax(1)[:, 1]
        torch.testing.assert_close(scores["auroc"][i], binary_auroc(risk, truth))
        torch.testing.assert_close(scores["brier"][i], mean_squared_error(risk, truth.float()))
        excess = risk.mean() - truth.float().mean()
        torch.testing.assert_close(scores["risk_excess"][i], excess)
        likelihood = own.softmax(1).gather(1, truth[:, None]).log().mean()
        torch.testing.assert_close(scores["loss"][i], -likelihood)
    risks = outputs.softmax(2)[..., 1].flatten()
    expected = binary_calibration_error(risks, targets.flatten(), n_bins=BINS)
    error = pooled.calibration_error(scores["calibration_gaps"].mean(0))
    torch.testing.assert_close(error, expected, rtol=1e-4, atol=1e-6)


def test_padding_changes_nothing() -> None:
    outputs, targets = (part[0] for part in answers())
    padded = torch.cat([targets, torch.full((9,), PADDING)])
    with_padding = Risk().scores(torch.cat([outputs, torch.randn(9, 2)]), padded)
    for name, value in Risk().scores(outputs, targets).items():
        torch.testing.assert_close(with_padding[name], value)


def test_an_increasing_function_of_the_risk_keeps_auroc() -> None:
    outputs, targets = (part[0] for part in answers())
    more = Risk().scores(3 * outputs + torch.tensor([0.0, 1.0]), targets)
    torch.testing.assert_close(more["auroc"], Risk().scores(outputs, targets)["auroc"])
    reverse = Risk().scores(outputs.flip(1), targets)["auroc"]
    torch.testing.assert_close(reverse, 1 - Risk().scores(outputs, targets)["auroc"])


@pytest.mark.parametrize("only", [0, 1])
def test_queries_of_one_class_cannot_be_ranked(only: int) -> None:
    scores = Risk().scores(torch.randn(7, 2), torch.full((7,), only))
    assert scores["auroc"] == 0.5 and scores["class_accuracy"].isnan().sum() == 1
    assert all(scores[name].isfinite() for name in ("loss", "brier", "risk_excess"))


@pytest.mark.parametrize("present", [0, 1])
def test_an_outcome_that_the_support_lacks_is_improbable_and_not_impossible(present: int) -> None:
    outputs = torch.randn(6, 2)
    outputs[:, 1 - present] = -math.inf
    outputs.requires_grad_()
    targets = torch.tensor([0, 0, 0, 1, 1, 1])
    scores = Risk().scores(outputs, targets)
    assert scores["auroc"] == 0.5
    assert float(scores["loss"].detach()) == pytest.approx(
        -(math.log(ABSENT) + math.log(1 - ABSENT)) / 2, rel=1e-4
    )
    (gradient,) = torch.autograd.grad(scores["loss"], outputs)
    assert not gradient.any()  # finite, and nothing to learn from


def test_more_than_two_classes_are_refused() -> None:
    with pytest.raises(UserError, match="2 classes"):
        Risk(ways=3)


def test_auroc_is_exact_under_autocast() -> None:
    outputs, labels = torch.randn(400, 2), torch.arange(400) % 3 // 2
    with torch.autocast("cpu", torch.bfloat16):
        scores = Risk().scores(outputs, labels)
    expected = binary_auroc(outputs[:, 1] - outputs[:, 0], labels)
    torch.testing.assert_close(scores["auroc"], expected)
