"""FRN and DN4 compare the places of feature maps: against least squares and by brute force."""

import pytest
import torch
from helpers import NOW, MapBody, SmoothBody, algorithm, along, close, direction, run, slope, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.metric.dn4 import DN4
from innerloop.algorithms.metric.frn import FRN
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task


def outputs(learner: Algorithm, task: Task) -> Tensor:
    *_, (_, answers) = learner.trajectory(task, 0, NOW)
    return answers.detach()


def places(learner: Algorithm, inputs: Tensor) -> Tensor:
    """Descriptors `(n, 6, 2)`, one place after the other."""
    maps = learner.model.body(inputs).detach().reshape(-1, *MapBody.map_shape)
    return torch.stack([maps[:, :, y, x] for y in range(2) for x in range(3)], 1)


@pytest.mark.parametrize("name", ["frn", "dn4"])
def test_the_meta_gradient_through_maps_equals_finite_differences(name: str) -> None:
    learner, batch = algorithm(name, MapBody()), tasks()
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)
    assert abs(along(gradient, way)) > 1e-3


@pytest.mark.parametrize("shots", [1, 4])
def test_frn_reconstructs_like_least_squares_with_rows_for_the_penalty(shots: int) -> None:
    learner, task = algorithm("frn", MapBody()), task_tools.only(tasks(1, shots=shots))
    assert isinstance(learner, FRN)
    with torch.no_grad():
        learner.alpha.fill_(0.3), learner.beta.fill_(-0.2), learner.scale.fill_(2.0)
    support, queries = (places(learner, part.inputs) for part in task)
    penalty = torch.tensor(shots * 6 / 2).double() * torch.tensor(0.3).double().exp() + 1e-6
    expected = torch.zeros(6, 3).double()
    for k in range(3):
        own = support[task.support.targets == k].flatten(0, 1)  # (shots * 6, 2)
        rows = torch.cat([own.T, penalty.sqrt() * torch.eye(len(own)).double()])
        for i, query in enumerate(queries):
            right = torch.cat([query.T, torch.zeros(len(own), 6).double()])
            weights = torch.linalg.lstsq(rows, right, driver="gelsd").solution
            errors = torch.tensor(-0.2).double().exp() * own.T @ weights - query.T
            expected[i, k] = -2 * (errors**2).sum(0).mean()
    close(outputs(learner, task), expected, rtol=1e-7)


def test_frns_auxiliary_loss_is_the_alignment_of_places_of_different_classes() -> None:
    learner, batch = algorithm("frn", MapBody()), tasks(1)
    support, targets = places(learner, batch.support.inputs[0]), batch.support.targets[0]
    support, extra = support / torch.linalg.vector_norm(support), 0.0
    for i in range(6):
        for j in range(i):
            if targets[i] != targets[j]:
                extra += float(torch.linalg.matrix_norm(support[i] @ support[j].T) ** 2)
    loss, _ = run(learner, batch)
    answers = outputs(learner, task_tools.only(batch))
    plain = F.cross_entropy(answers, batch.query.targets[0])
    assert float(loss - plain) == pytest.approx(0.03 * extra, rel=1e-9)
    assert extra > 0.01


@pytest.mark.parametrize("neighbours", [1, 3, 10])
@pytest.mark.parametrize("shots", [1, 3])
def test_dn4_equals_brute_force(neighbours: int, shots: int) -> None:
    more = (3, False, f"algorithm.neighbours={neighbours}")
    learner, task = algorithm("dn4", MapBody(), *more), task_tools.only(tasks(1, shots=shots))
    support, queries = (places(learner, part.inputs) for part in task)
    expected = torch.zeros(6, 3).double()
    for i, query in enumerate(queries):
        for k in range(3):
            for place in query:
                found = [
                    float(place @ other / place.norm() / other.norm())
                    for image in support[task.support.targets == k]
                    for other in image
                ]
                expected[i, k] += sum(sorted(found)[-neighbours:])
    close(outputs(learner, task), expected)


def test_dn4_gives_a_descriptor_of_zeros_the_similarity_zero_and_a_finite_gradient() -> None:
    body = nn.Flatten()
    body.width = 2  # type: ignore[assignment]
    learner, task = (
        DN4(Network(body, 2), Classification(2, 2)),
        task_tools.only(tasks(1, shape=(2,))),
    )
    dead = torch.zeros(len(task.query.targets), 2, dtype=torch.float64, requires_grad=True)
    learner.objective = Classification(3, 3)
    *_, (_, answers) = learner.trajectory(
        Task(task.support, task.query._replace(inputs=dead)), 0, NOW
    )
    (gradient,) = torch.autograd.grad(answers[:, 0].sum(), dead)
    assert (answers == 0).all() and gradient.isfinite().all()


def test_settings_without_a_meaning_are_refused() -> None:
    model, objective = Network(SmoothBody(), 3), Classification(3, 3)
    with pytest.raises(UserError, match="1 or more"):
        DN4(model, objective, neighbours=0)
    with pytest.raises(UserError, match="0 or more"):
        FRN(model, objective, auxiliary=-1.0)
