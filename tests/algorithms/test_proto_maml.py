"""Proto-MAML against prototypical networks and a computation by hand, in float64."""

import copy

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, along, close, direction, run, slope, tasks
from padding import padded, single
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.gradient.proto_maml import ProtoMAML
from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.tasks import Task

NAMES = ["proto_maml", "fo_proto_maml"]


def by_hand(learner: ProtoMAML, task: Task, graph: bool) -> Tensor:
    """The query loss by plain autograd, with squared distances written out as a linear head.

    Arguments:
        graph: whether inner gradients are part of the graph.
    """
    parameters = dict(learner.model.named_parameters())

    def features(x: Tensor) -> Tensor:
        return torch.func.functional_call(learner.model, parameters, (x,))

    labels, rows = task.support.targets, features(task.support.inputs)
    means = torch.stack([rows[labels == k].mean(0) for k in range(int(labels.max()) + 1)])
    weight, bias = 2 * means, -(means.norm(dim=1) ** 2)
    for _ in range(learner.steps):
        # Copies, so that the slope for the body is taken with the head held fixed.
        *body, weight, bias = [p + 0 for p in [*parameters.values(), weight, bias]]
        parameters, moved = dict(zip(parameters, body, strict=True)), [*body, weight, bias]
        loss = F.cross_entropy(features(task.support.inputs) @ weight.T + bias, labels)
        slopes = torch.autograd.grad(loss, moved, create_graph=graph, retain_graph=True)
        *new, weight, bias = [p - learner.rate * g for p, g in zip(moved, slopes, strict=True)]
        parameters = dict(zip(parameters, new, strict=True))
    outputs = features(task.query.inputs) @ weight.T + bias
    return F.cross_entropy(outputs, task.query.targets)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("norm", ["transductive", "support"])
def test_before_the_first_step_it_answers_as_a_prototypical_network(name: str, norm: str) -> None:
    learner, batch = algorithm(name, SmoothConv(norm)), tasks(1, shape=(1, 4, 4))
    if norm == "transductive":  # statistics of the support and of the queries apart
        task = task_tools.only(batch)
        means = ProtoNet(copy.deepcopy(learner.model), learner.objective).double()
        features = [learner.features(part.inputs) for part in task]
        centres = torch.stack([features[0][task.support.targets == k].mean(0) for k in range(3)])
        expected = means.predict(centres, features[1])
    else:
        twin = ProtoNet(copy.deepcopy(learner.model), learner.objective).double()
        *_, (_, expected) = twin.trajectory(task_tools.only(batch), 0, NOW)
    first, *_ = learner.trajectory(task_tools.only(batch), 0, NOW)
    close(first[1].softmax(-1), expected.softmax(-1))
    shift = first[1] - expected
    close(shift, shift[:, :1].expand_as(shift))


@pytest.mark.parametrize("name", NAMES)
def test_its_steps_and_its_meta_gradient_equal_a_computation_by_hand(name: str) -> None:
    learner, batch = algorithm(name), tasks(1)
    loss, gradient = run(learner, batch)
    expected = by_hand(learner, task_tools.only(batch), graph=name == "proto_maml")
    slopes = torch.autograd.grad(expected, list(learner.parameters()))
    close(loss, expected.detach())
    for (key, own), slope_ in zip(gradient.items(), slopes, strict=True):
        close(own, slope_)
        assert slope_.abs().max() > 1e-4, key


def test_the_first_order_passes_a_gradient_through_the_prototypes() -> None:
    """Without inner steps nothing is of second order: both orders are the true gradient."""
    learner, batch = algorithm("fo_proto_maml"), tasks()
    learner.steps = 0
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)


def test_a_task_has_a_head_of_its_own_number_of_classes() -> None:
    learner = algorithm("proto_maml", None, 5)
    for ways in (2, 5):
        learner.objective = algorithm("proto_maml", None, ways).objective
        *_, adapted = learner.adapt(task_tools.only(tasks(1, ways=ways)).support, 1, NOW)
        assert learner.weights(adapted)["head.weight"].shape == (ways, 4)


def test_a_class_without_support_is_never_predicted() -> None:
    learner = algorithm("proto_maml")
    batch = padded([single(2, 2, 3, (3,)), single(3, 1, 2, (3,))])
    _, outputs = list(learner.trajectory(task_tools.only(batch), 2, NOW))[-1]
    assert torch.isneginf(outputs[:, 2]).all() and torch.isfinite(outputs[:, :2]).all()
