"""Losses and metrics against computations by hand."""

import math

import pytest
import torch
from torch.func import vmap
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError
from torchmetrics.functional import mean_squared_error

from innerloop.evaluation import pooled
from innerloop.objectives import BINS, Classification, Regression


def test_classification_loss_and_metrics_by_hand() -> None:
    objective = Classification(ways=3, test_ways=5)
    outputs = torch.tensor([[math.log(2.0), 0.0, 0.0], [0.0, 0.0, math.log(2.0)]])
    scores = objective.scores(outputs, torch.tensor([0, 1]))
    assert float(scores["accuracy"]) == 0.5
    assert float(scores["loss"]) == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert objective.width == 3
    assert (objective.classes(training=True), objective.classes(training=False)) == (3, 5)
    assert next(iter(scores)) == objective.metric.name
    assert objective.metric.higher_is_better


def test_regression_loss_and_metrics_by_hand() -> None:
    objective = Regression(targets=2)
    scores = objective.scores(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
    assert float(scores["mse"]) == 5.0
    assert objective.classes(training=True) is None
    assert next(iter(scores)) == objective.metric.name
    assert not objective.metric.higher_is_better


@pytest.fixture
def answers() -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs `(tasks, queries, ways)` that are mostly right, and balanced labels."""
    targets = torch.stack([torch.randperm(40) % 4 for _ in range(6)])
    outputs = 2 * torch.randn(6, 40, 4) + 2 * torch.eye(4)[targets]
    return outputs.double(), targets


def test_every_metric_equals_torchmetrics_under_vmap(answers: tuple[torch.Tensor, ...]) -> None:
    outputs, targets = answers
    scores = vmap(Classification(4, 4).scores)(outputs, targets)
    for i in range(6):
        accuracy = MulticlassAccuracy(4, average="micro")(outputs[i], targets[i])
        each = MulticlassAccuracy(4, average="none")(outputs[i], targets[i])
        assert float(scores["accuracy"][i]) == pytest.approx(float(accuracy))
        torch.testing.assert_close(scores["class_accuracy"][i].float(), each)
        likelihood = outputs[i].softmax(-1)[torch.arange(40), targets[i]]
        assert float(scores["nll"][i]) == pytest.approx(-float(likelihood.log().mean()))
    assert 0.3 < float(scores["accuracy"].mean()) < 0.95
    torch.testing.assert_close(scores["class_accuracy"].mean(-1), scores["accuracy"])


def test_calibration_pools_the_queries_of_all_tasks(answers: tuple[torch.Tensor, ...]) -> None:
    outputs, targets = answers
    gaps = vmap(Classification(4, 4).scores)(outputs, targets)["calibration_gaps"]
    metric = MulticlassCalibrationError(4, n_bins=BINS)
    for task in zip(outputs, targets, strict=True):
        metric.update(task[0].softmax(-1), task[1])
    actual = float(pooled.calibration_error(gaps.mean(0)))
    assert actual == pytest.approx(float(metric.compute()), abs=1e-6)
    # With few queries the estimate is biased upwards.
    assert 0.01 < actual < float(pooled.calibration_error(gaps).mean())


def test_calibration_of_full_confidence() -> None:
    certain = torch.tensor([[200.0, 0.0], [200.0, 0.0]])  # a confidence of exactly one
    for targets, expected in (([0, 0], 0.0), ([0, 1], 0.5), ([1, 1], 1.0)):
        gaps = Classification(2, 2).scores(certain, torch.tensor(targets))["calibration_gaps"]
        assert float(pooled.calibration_error(gaps)) == pytest.approx(expected)


def test_a_class_without_queries_has_no_accuracy() -> None:
    scores = Classification(3, 3).scores(torch.eye(3)[:2], torch.tensor([0, 0]))
    torch.testing.assert_close(
        scores["class_accuracy"], torch.tensor([0.5, math.nan, math.nan]), equal_nan=True
    )


def test_squared_error_equals_torchmetrics_under_vmap() -> None:
    outputs, targets = torch.randn(5, 7, 2), torch.randn(5, 7, 2)
    actual = vmap(Regression(2).scores)(outputs, targets)["mse"]
    expected = torch.stack(
        [mean_squared_error(o, t) for o, t in zip(outputs, targets, strict=True)]
    )
    torch.testing.assert_close(actual, expected)


def test_rmse_is_the_root_of_torchmetrics_mean_squared_error() -> None:
    from torchmetrics.functional import mean_squared_error

    from innerloop.objectives.rmse import RMSE
    from innerloop.tasks import Padded

    outputs, targets = torch.randn(9, 3), torch.randn(9, 3)
    objective = RMSE(3, unit="N")
    expected = mean_squared_error(outputs, targets, squared=False)
    torch.testing.assert_close(objective.scores(outputs, targets)["rmse"], expected)
    padded = Padded(targets, torch.arange(9) < 6)
    expected = mean_squared_error(outputs[:6], targets[:6], squared=False)
    torch.testing.assert_close(objective.scores(outputs, padded)["rmse"], expected)
    assert objective.metric.heading == "rmse (N)" and not objective.metric.higher_is_better
