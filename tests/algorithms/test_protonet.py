"""Prototypical networks against SciPy's distances."""

import numpy as np
import pytest
import torch
from helpers import NOW
from scipy.spatial.distance import cdist
from torch import nn

from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples


class Plain(nn.Identity):
    width = 4


@pytest.mark.parametrize("temperature", [1.0, 64.0])
def test_outputs_are_negative_squared_distances_to_class_means(temperature: float) -> None:
    numbers = np.random.default_rng(0).normal(size=(11, 4))
    learner = ProtoNet(Network(Plain(), 3), Classification(3, 3), temperature)
    labels = np.array([0, 1, 2, 2, 0, 1])
    support = Examples(torch.from_numpy(numbers[:6]), torch.from_numpy(labels))
    (prototypes,) = learner.adapt(support, steps=0, progress=NOW)
    outputs = learner.predict(prototypes, torch.from_numpy(numbers[6:]))
    means = np.stack([numbers[:6][labels == k].mean(0) for k in range(3)])
    expected = -cdist(numbers[6:], means, "sqeuclidean") / temperature
    np.testing.assert_allclose(outputs.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_refuses_a_temperature_that_is_not_positive(temperature: float) -> None:
    with pytest.raises(UserError, match=r"algorithm\.temperature=.*above zero"):
        ProtoNet(Network(Plain(), 3), Classification(3, 3), temperature)
