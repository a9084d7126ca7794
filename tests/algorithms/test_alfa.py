"""ALFA against MAML and a computation by hand, in float64."""

import copy

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, algorithm_around, close, run, tasks
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.gradient.alfa import ALFA
from innerloop.engines.engine import Engine
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task

THREE = Classification(3, 3)


def learner_with(first_order: bool = False, decay: float = 0.5, steps: int = 3) -> ALFA:
    model = Network(SmoothBody(), 3)
    return ALFA(model, THREE, 0.125, steps, first_order, decay=decay).double()


def constant(learner: ALFA) -> ALFA:
    """The learner, whose generator always answers 1."""
    with torch.no_grad():
        for p in learner.generator.parameters():
            p.zero_()
        learner.generator[2].bias.fill_(1)
    return learner


@pytest.mark.parametrize("first_order", [False, True])
def test_with_constant_factors_and_no_decay_it_is_maml(first_order: bool) -> None:
    learner, batch = constant(learner_with(first_order, decay=0.0)), tasks()
    name = "fomaml" if first_order else "maml"
    maml = algorithm_around(copy.deepcopy(learner.model), THREE, name)
    maml.rate, maml.steps = 0.125, 3
    loss, gradient = run(learner, batch)
    expected, slopes = run(maml, batch)
    close(loss, expected)
    close({k: gradient[k] for k in slopes}, slopes)
    close(learner.scores(batch, 5, NOW), maml.scores(batch, 5, NOW))


def by_hand(learner: ALFA, task: Task, constant_inputs: bool) -> Tensor:
    """The query loss by plain autograd.

    Arguments:
        constant_inputs: whether the generator reads gradients as constants.
    """
    parameters = dict(learner.model.named_parameters())
    first, _, last = learner.generator

    def loss(part: int) -> Tensor:
        outputs = torch.func.functional_call(learner.model, parameters, (task[part].inputs,))
        return F.cross_entropy(outputs, task[part].targets)

    for step in range(learner.steps):
        slopes = torch.autograd.grad(loss(0), list(parameters.values()), create_graph=True)
        read = [g.detach() if constant_inputs else g for g in slopes]
        means = torch.stack([v.mean() for v in [*parameters.values(), *read]])
        factors = last.weight @ (first.weight @ means + first.bias).relu() + last.bias
        moved = {}
        for i, ((name, p), g) in enumerate(zip(parameters.items(), slopes, strict=True)):
            rate = factors[i] * learner.rates[name.replace(".", "/")][step]
            decay = factors[len(slopes) + i] * learner.decays[name.replace(".", "/")][step]
            moved[name] = (1 - decay) * p - rate * g
        parameters = moved
    return loss(1)


def test_steps_and_meta_gradient_equal_a_computation_by_hand() -> None:
    learner, batch = learner_with(), tasks(1)
    loss, gradient = run(learner, batch)
    expected = by_hand(learner, task_tools.only(batch), constant_inputs=False)
    slopes = torch.autograd.grad(expected, list(learner.parameters()))
    close(loss, expected.detach())
    for (name, own), slope in zip(gradient.items(), slopes, strict=True):
        close(own, slope)
        assert slope.abs().max() > 1e-9, name


def test_the_authors_constant_inputs_give_another_meta_gradient() -> None:
    """The deviation that the docstring names matters."""
    learner, batch = learner_with(), tasks(1)
    _, gradient = run(learner, batch)
    theirs = by_hand(learner, task_tools.only(batch), constant_inputs=True)
    slopes = torch.autograd.grad(theirs, list(learner.parameters()))
    gaps = [(own - g).abs().max() for own, g in zip(gradient.values(), slopes, strict=True)]
    assert max(gaps) > 1e-6


def test_it_starts_near_maml() -> None:
    learner = learner_with(decay=0.0005)
    task, maml = task_tools.only(tasks(1)), algorithm_around(learner.model, THREE, "maml")
    maml.rate = 0.125
    (
        *_,
        (_, ours),
    ) = learner.trajectory(task, 1, NOW)
    *_, (_, theirs) = maml.trajectory(task, 1, NOW)
    start, *_ = maml.trajectory(task, 0, NOW)
    assert (ours - theirs).norm() < 0.5 * (theirs - start[1]).norm()


def test_checkpointed_steps_give_the_same_meta_gradient() -> None:
    learner, batch = learner_with(), tasks(2)
    expected = Engine().meta_gradient(learner, batch, NOW)
    close(Engine(checkpoint=True).meta_gradient(learner, batch, NOW), expected)


def test_the_decay_shrinks_what_has_no_gradient() -> None:
    learner = constant(learner_with(decay=0.5, steps=1))
    task = task_tools.only(tasks(1))
    flat = task._replace(
        support=task.support._replace(inputs=torch.zeros_like(task.support.inputs))
    )
    *_, adapted = learner.adapt(flat.support, 1, NOW)
    first = "body.layers.1.weight"  # multiplies zeros
    close(
        adapted.parameters[first], (1 - 0.5 * 0.125) * dict(learner.model.named_parameters())[first]
    )


def test_batch_norm_stays_out_of_the_inner_loop() -> None:
    from innerloop.models.conv4 import Conv4

    learner = algorithm("alfa", Conv4([1, 28, 28], 2, pool="stride"))
    assert not any("norm" in name for name in learner.learned_rates())
    assert "head.weight" in learner.learned_rates()
