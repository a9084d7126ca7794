"""Meta-Baseline's outputs by PyTorch's own cosine similarity, in float64."""

import torch
from helpers import NOW, algorithm, answers, close, run, tasks
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.tasks import Examples


def test_outputs_and_gradient_are_those_of_scaled_cosine_similarities() -> None:
    learner, batch = algorithm("meta_baseline"), tasks(1)
    support, query = task_tools.only(batch)
    body, temperature = learner.model.body, learner.temperature
    centroids = torch.stack([body(support.inputs[support.targets == k]).mean(0) for k in range(3)])
    expected = 10 * F.cosine_similarity(body(query.inputs)[:, None], centroids, dim=2)
    close(answers(learner, batch), expected.detach())
    scaled = F.cross_entropy(expected / 10 * temperature, query.targets)
    parameters = list(learner.parameters())
    _, gradient = run(learner, batch)
    slopes = torch.autograd.grad(scaled, parameters)
    close(list(gradient.values()), list(slopes))
    assert abs(gradient["temperature"]) > 1e-4


def test_the_length_of_features_does_not_matter_but_weighs_in_the_centroid() -> None:
    learner = algorithm("meta_baseline")
    inputs = torch.tensor([[1.0, 0.0], [0.0, 3.0], [-1.0, 0.0]]).double()
    support, query = Examples(inputs, torch.tensor([0, 0, 1])), torch.randn(4, 2).double()
    learner.objective = type(learner.objective)(2, 2)
    (centroids,) = learner.adapt(support, 0, NOW)
    close(learner.predict(centroids, 5 * query), learner.predict(centroids, query))
    close(centroids[0], torch.tensor([0.5, 1.5]))
