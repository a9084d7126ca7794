"""Losses and metrics by hand."""

import math

import pytest
import torch

from innerloop.objectives import Classification, Regression


def test_classification() -> None:
    objective = Classification(ways=3, test_ways=5)
    outputs = torch.tensor([[math.log(2.0), 0.0, 0.0], [0.0, 0.0, math.log(2.0)]])
    scores = objective.scores(outputs, torch.tensor([0, 1]))
    assert float(scores["accuracy"]) == 0.5
    assert float(scores["loss"]) == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert objective.width == 3
    assert (objective.classes(training=True), objective.classes(training=False)) == (3, 5)
    assert next(iter(scores)) == objective.metric
    assert objective.higher_is_better


def test_regression() -> None:
    objective = Regression(targets=2)
    scores = objective.scores(torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]))
    assert float(scores["mse"]) == 5.0
    assert objective.classes(training=True) is None
    assert next(iter(scores)) == objective.metric
    assert not objective.higher_is_better
