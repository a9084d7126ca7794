"""Inductive heads on frozen features: centroids, SimpleShot, logistic regression and ridge."""

from collections.abc import Iterator

import pytest
import torch
from helpers import NOW, algorithm_around, answers, close, tasks
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.models.identity import Identity
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task, without_support

WAYS = 3


def head(name: str, *more: str, width: int = 6) -> Algorithm:
    """The algorithm on features that are its inputs."""
    model = Network(Identity([width]), WAYS)
    return algorithm_around(model, Classification(WAYS, WAYS), name, *more).eval()


@pytest.fixture
def batch() -> Task:
    return tasks(1, ways=WAYS, shots=4, queries=5, shape=(6,))


def means(support: Examples) -> Tensor:
    return torch.stack([support.inputs[support.targets == k].mean(0) for k in range(WAYS)])


def unit(features: Tensor) -> Tensor:
    return features / features.norm(dim=1, keepdim=True)


def test_centroid_is_the_angle_or_the_distance_to_the_mean(batch: Task) -> None:
    support, query = task_tools.only(batch)
    cosines = torch.cosine_similarity(query.inputs[:, None], means(support)[None], dim=2)
    close(answers(head("centroid"), batch), 10 * cosines)
    plain = answers(head("centroid", "algorithm.cosine=false"), batch)
    close(plain, -(torch.cdist(query.inputs, means(support)) ** 2))


def test_a_learner_without_support_answers_with_the_head_of_the_training_classes(
    batch: Task,
) -> None:
    learner = head("centroid")
    plain = task_tools.only(without_support(batch.query))
    (adapted, outputs), *_ = learner.trajectory(plain, 0, NOW)
    assert adapted is None
    close(outputs, learner.model(plain.query.inputs))


@pytest.mark.parametrize("transform", ["UN", "L2N", "CL2N"])
def test_simpleshot_by_hand(batch: Task, transform: str) -> None:
    learner = head("simpleshot", f"algorithm.transform={transform}")
    training = torch.randn(40, 6, dtype=torch.float64)
    if learner.measured_images:
        learner.measure(plain_batches(training))
    centre = training.mean(0) if transform == "CL2N" else 0
    by_hand = [x if transform == "UN" else unit(x - centre) for x in (part.inputs for part in
               task_tools.only(batch))]  # fmt: skip
    support = Examples(by_hand[0], batch.support.targets[0])
    close(answers(learner, batch), -(torch.cdist(by_hand[1], means(support)) ** 2))


def plain_batches(features: Tensor) -> Iterator[Task]:
    for part in features.split(10):
        yield without_support(Examples(part[None], torch.zeros(1, len(part), dtype=torch.long)))


def test_only_centring_looks_at_training_images() -> None:
    assert head("simpleshot").measured_images == 10_000
    assert head("simpleshot", "algorithm.transform=L2N").measured_images == 0


def test_logistic_is_scikit_learns_on_unit_features(batch: Task) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    support, query = task_tools.only(batch)
    theirs = linear_model.LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000)
    theirs.fit(unit(support.inputs).numpy(), support.targets.numpy())
    expected = theirs.predict_log_proba(unit(query.inputs).numpy())
    own = answers(head("logistic", "algorithm.c=0.5"), batch)
    close(own.log_softmax(1), torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_ridge_solves_the_regression_with_rows_for_its_penalty(batch: Task) -> None:
    """A penalty is a further row of the regression for each feature, with the target 0."""
    support, query = task_tools.only(batch)
    x, y = with_one(unit(support.inputs)), torch.eye(WAYS, dtype=torch.float64)[support.targets]
    rows = torch.cat([x, 0.3**0.5 * torch.eye(7, dtype=torch.float64)])
    targets = torch.cat([y, torch.zeros(7, WAYS, dtype=torch.float64)])
    weights = torch.linalg.lstsq(rows, targets).solution
    own = answers(head("ridge", "algorithm.penalty=0.3"), batch)
    close(own, 10 * with_one(unit(query.inputs)) @ weights)


def with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones(len(features), 1, dtype=torch.float64)], 1)
