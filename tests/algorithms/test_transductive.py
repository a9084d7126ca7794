"""Transductive heads: against easyfsl on the same features, and their objectives never rise."""

import itertools
from typing import Any

import pytest
import torch
from helpers import ROOT, algorithm_around, answers, close, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import first_order
from innerloop.adaptation.rules import SGD
from innerloop.algorithms.algorithm import Algorithm
from innerloop.layers.distances import class_means
from innerloop.layers.entropy import conditional_entropy, marginal_entropy
from innerloop.layers.neighbours import laplacian_logits, neighbour_graph
from innerloop.layers.rectification import rectified
from innerloop.models.identity import Identity
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task

WAYS, WIDTH = 3, 8
DESCENDING = ("tim", "transductive_finetuning")


def head(name: str, *more: str) -> Algorithm:
    model = Network(Identity([WIDTH]), WAYS)
    return algorithm_around(model, Classification(WAYS, WAYS), name, *more).eval()


@pytest.fixture
def batch() -> Task:
    return tasks(1, ways=WAYS, shots=3, queries=6, shape=(WIDTH,))


def unit(examples: Examples) -> Examples:
    return Examples(F.normalize(examples.inputs, dim=-1), examples.targets)


def aligned(task: Task) -> Task:
    """The same task, with queries of the support's mean: easyfsl classifies unshifted queries."""
    shift = task.support.inputs.mean(0) - task.query.inputs.mean(0)
    return Task(task.support, Examples(task.query.inputs + shift, task.query.targets))


def easyfsls(name: str, task: Task, **settings: Any) -> Any:
    """The method of easyfsl, after it has seen the support."""
    methods = pytest.importorskip("easyfsl.methods")
    method = getattr(methods, name)(nn.Identity(), **settings)
    method.process_support_set(task.support.inputs, task.support.targets)
    return method


def test_bd_cspn_equals_easyfsls(batch: Task) -> None:
    task = aligned(task_tools.only(batch))
    theirs = easyfsls("BDCSPN", task)
    cosines = theirs(task.query.inputs)
    prototypes, _ = rectified(task.support, task.query.inputs, torch.ones(18), ways=WAYS, scale=1.0)
    close(prototypes, theirs.prototypes)
    learner = head("bd_cspn", "algorithm.scale=1.0")
    close(answers(learner, task_tools.alone(task)), cosines)


def test_rectification_does_not_depend_on_a_shift_of_all_queries(batch: Task) -> None:
    learner, moved = head("bd_cspn"), task_tools.only(batch)
    moved = Task(moved.support, Examples(moved.query.inputs + 3.0, moved.query.targets))
    close(answers(learner, task_tools.alone(moved)), answers(learner, batch))


def test_laplacianshot_equals_easyfsls_after_rectification(batch: Task) -> None:
    """easyfsl's own neighbours count the query itself; its features are those that it is given."""
    task = task_tools.only(batch)
    queries = task.query.inputs
    theirs = easyfsls("LaplacianShot", task, knn=4, inference_steps=30, lambda_regularization=0.3)
    graph = neighbour_graph(queries, torch.ones(len(queries)), neighbours=3)
    close(graph, theirs.compute_pairwise_affinities(queries))
    unary = torch.rand(len(queries), WAYS, dtype=torch.float64)
    own = laplacian_logits(unary, graph, weight=0.3, steps=60).softmax(1)
    close(own, theirs.bound_updates(unary, graph.double()), rtol=1e-4, atol=1e-5)


def test_laplacianshot_is_its_parts_on_unit_features(batch: Task) -> None:
    support, query = task_tools.only(Task(unit(batch.support), unit(batch.query)))
    real = torch.ones(len(query.inputs))
    prototypes, shifted = rectified(support, query.inputs, real, ways=WAYS, scale=10.0)
    unary = torch.cdist(shifted, prototypes) ** 2
    graph = neighbour_graph(query.inputs, real, neighbours=2)
    expected = laplacian_logits(unary, graph, weight=0.7, steps=20)
    close(answers(head("laplacianshot"), batch), expected)


def energy(y: Tensor, unary: Tensor, graph: Tensor, weight: float) -> float:
    """LaplacianShot's objective."""
    return float(torch.xlogy(y, y).sum() + (y * unary).sum() - weight / 2 * (y * (graph @ y)).sum())


def test_the_laplacian_objective_never_rises_for_positive_affinities() -> None:
    root = torch.rand(20, 5, dtype=torch.float64)
    graph, unary = root @ root.T, torch.rand(20, WAYS, dtype=torch.float64)
    path = [
        energy(laplacian_logits(unary, graph, 0.8, steps).softmax(1), unary, graph, 0.8)
        for steps in range(15)
    ]
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(path))
    assert path[-1] < path[0] - 0.01


def entropies(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The oracle: entropies of answers, and of their mean, by PyTorch's distributions."""
    of = torch.distributions.Categorical
    return of(logits=logits).entropy().mean(), of(probs=logits.softmax(1).mean(0)).entropy()


def test_entropies_equal_torchs_and_leave_out_padding() -> None:
    logits = torch.randn(6, 4, dtype=torch.float64)
    noisy = torch.cat([logits, 9 * torch.randn(3, 4, dtype=torch.float64)])
    real = torch.tensor([1.0] * 6 + [0.0] * 3)
    sure, balanced = entropies(logits)
    close(conditional_entropy(noisy, real), sure)
    close(marginal_entropy(noisy, real), balanced)
    absent = torch.cat([logits, torch.full((6, 1), -torch.inf)], 1).requires_grad_()
    total = conditional_entropy(absent, torch.ones(6)) + marginal_entropy(absent, torch.ones(6))
    close(total, sure + balanced)
    (slope,) = torch.autograd.grad(total, absent)
    assert torch.isfinite(slope).all()


def tim_by_torch(task: Task, steps: int) -> Tensor:
    """The oracle: TIM with torch's Adam, on the formulas of the paper."""
    support, query = unit(task.support), unit(task.query)
    weights = class_means(support, WAYS).requires_grad_()
    adam = torch.optim.Adam([weights], lr=0.01)
    logits = lambda x: -7.5 * torch.cdist(x, weights) ** 2  # noqa: E731
    for _ in range(steps):
        sure, balanced = entropies(logits(query.inputs))
        loss = 0.1 * F.cross_entropy(logits(support.inputs), support.targets)
        adam.zero_grad()
        (loss - balanced + 0.1 * sure).backward()
        adam.step()
    return logits(query.inputs).detach()


def test_tim_equals_a_plain_loop_with_torchs_adam(batch: Task) -> None:
    learner = head("tim", "algorithm.rate=0.01", "algorithm.updates=20")
    close(answers(learner, batch), tim_by_torch(task_tools.only(batch), 20), rtol=1e-7, atol=1e-7)


def test_transductive_finetuning_equals_a_plain_loop_with_torchs_adam(batch: Task) -> None:
    support, query = task_tools.only(Task(unit(batch.support), unit(batch.query)))
    layer = nn.Linear(WIDTH, WAYS, dtype=torch.float64)
    layer.weight.data = F.normalize(class_means(support, WAYS), dim=1)
    layer.bias.data.zero_()
    adam = torch.optim.Adam(layer.parameters(), lr=0.001)
    for _ in range(25):
        loss = F.cross_entropy(10 * layer(support.inputs), support.targets)
        adam.zero_grad()
        (loss + entropies(10 * layer(query.inputs))[0]).backward()
        adam.step()
    own = answers(head("transductive_finetuning"), batch)
    close(own, 10 * layer(query.inputs).detach(), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", DESCENDING)
def test_an_objective_never_rises_under_small_steps(name: str, batch: Task) -> None:
    learner, task = head(name), task_tools.only(batch)
    (support,) = learner.adapt(task.support, 0, torch.tensor(1.0))
    start = {"weight": class_means(support, WAYS)}
    start |= {"bias": torch.zeros(WAYS, dtype=torch.float64)} if name != "tim" else {}
    given = (support, unit(task.query).inputs, torch.ones(18))
    path = descend(learner.loss, start, 30, SGD(0.002), first_order, given)
    losses = [float(learner.loss(weights, 0, *given)) for weights in path]
    assert all(after <= before for before, after in itertools.pairwise(losses))
    assert losses[-1] < losses[0]


HEADS = [path.stem for path in (ROOT / "src/innerloop/algorithms/transductive").glob("[a-z]*.py")]


@pytest.mark.parametrize("name", HEADS)
def test_a_single_query_is_answered(name: str, batch: Task) -> None:
    task = task_tools.only(batch)
    single = Task(task.support, Examples(task.query.inputs[:1], task.query.targets[:1]))
    assert torch.isfinite(answers(head(name), task_tools.alone(single))).all()


@pytest.mark.parametrize("name", HEADS)
def test_queries_change_each_others_answers(name: str, batch: Task) -> None:
    task = task_tools.only(batch)
    fewer = Task(task.support, Examples(task.query.inputs[:7], task.query.targets[:7]))
    learner = head(name)
    together, apart = answers(learner, batch)[:7], answers(learner, task_tools.alone(fewer))
    assert (together - apart).abs().max() > 1e-8
