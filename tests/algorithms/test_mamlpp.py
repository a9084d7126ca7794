"""MAML++ against MAML, finite differences and computations by hand, in float64."""

import copy
from typing import Any

import pytest
import torch
from helpers import (
    NOW,
    SmoothConv,
    algorithm,
    algorithm_around,
    along,
    close,
    direction,
    run,
    tasks,
)
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.gradient.mamlpp import MAMLpp
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers import norm
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task

THREE = Classification(3, 3)
IMAGES = (1, 4, 4)
OFF = {"multi_step": 0.0, "step_rates": False, "step_scales": False}
STILL = ["*", "!body.layers.1.*"]  # batch norm stays out of the inner loop


def learner_with(mode: str = "transductive", steps: int = 3, **parts: Any) -> MAMLpp:
    return MAMLpp(Network(SmoothConv(mode), 3), THREE, rate=0.1, steps=steps, **parts).double()


@pytest.mark.parametrize("first_order", [False, True])
def test_with_all_parts_switched_off_it_is_maml(first_order: bool) -> None:
    batch, name = tasks(shape=IMAGES), "fomaml" if first_order else "maml"
    learner = learner_with("transductive", 2, first_order=first_order, **OFF)
    maml = algorithm_around(copy.deepcopy(learner.model), THREE, name)
    (loss, gradient), (expected, slopes) = run(learner, batch), run(maml, batch)
    close(loss, expected, rtol=0, atol=0)
    close(gradient, slopes, rtol=0, atol=0)
    close(learner.scores(batch, 4, NOW), maml.scores(batch, 4, NOW), rtol=0, atol=0)


def test_at_the_start_its_rates_and_scales_are_those_of_maml() -> None:
    batch = tasks(shape=IMAGES)
    learner = learner_with(multi_step=0.0, adapted=STILL)
    plain = learner_with(**OFF, adapted=STILL)
    state = {k: v[0] if "layers.1" in k else v for k, v in learner.model.state_dict().items()}
    plain.model.load_state_dict(state)
    # Rates are stored in float32.
    close(learner.scores(batch, 5, NOW), plain.scores(batch, 5, NOW), rtol=1e-6, atol=1e-7)


def weights_by_the_authors(steps: int, epoch: int, epochs: int) -> list[float]:
    """The weights of losses as their code computes them, epoch by epoch."""
    if epoch >= epochs:
        return [0.0] * (steps - 1) + [1.0]
    rate, least = 1.0 / steps / epochs, 0.03 / steps
    earlier = max(1.0 / steps - epoch * rate, least)
    last = min(1.0 / steps + epoch * (steps - 1) * rate, 1.0 - (steps - 1) * least)
    return [earlier] * (steps - 1) + [last]


@pytest.mark.parametrize("epoch", [0, 3, 9, 10, 57])
def test_the_weights_of_losses_are_those_of_the_authors(epoch: int) -> None:
    learner = learner_with(steps=5, multi_step=0.1)  # 10 of 100 epochs
    weights = learner.loss_weights(torch.tensor(epoch / 100, dtype=torch.float64))
    close(weights, torch.tensor(weights_by_the_authors(5, epoch, 10)).double(), atol=1e-7)
    assert float(weights.sum()) == pytest.approx(1)


def test_the_floor_of_the_weights_holds_until_they_are_switched_off() -> None:
    learner = learner_with(steps=5, multi_step=0.5)
    weights = learner.loss_weights(torch.tensor(0.4999, dtype=torch.float64))
    close(weights[:4], torch.full((4,), 0.03 / 5).double(), atol=1e-9)


def by_hand(learner: MAMLpp, task: Task, progress: float) -> Tensor:
    """The weighted query losses by plain autograd, each step with its rates and scales."""
    parameters, total = dict(learner.model.named_parameters()), torch.zeros(()).double()
    weights = weights_by_the_authors(learner.steps, round(100 * progress), 80)

    def loss(step: int, part: int) -> Tensor:
        maps, bn, head = "body.layers.0", "body.layers.1", "head"
        x = F.conv2d(task[part].inputs, *[parameters[f"{maps}.{k}"] for k in ("weight", "bias")],
                     padding=1)  # fmt: skip
        x = (x - x.mean((0, 2, 3), True)) / (x.var((0, 2, 3), False, keepdim=True) + 1e-5).sqrt()
        scale, shift = (parameters[f"{bn}.{k}"][step] for k in ("weight", "bias"))
        x = (x * scale[:, None, None] + shift[:, None, None]).tanh().mean((2, 3))
        outputs = F.linear(x, *[parameters[f"{head}.{k}"] for k in ("weight", "bias")])
        return F.cross_entropy(outputs, task[part].targets)

    for step in range(learner.steps):
        moved = {k: p for k, p in parameters.items() if k in learner.learned_rates()}
        slopes = torch.autograd.grad(loss(step, 0), list(moved.values()), create_graph=True)
        rates = [learner.rates[k.replace(".", "/")][step] for k in moved]
        parameters = parameters | {
            k: p - rate * g for (k, p), rate, g in zip(moved.items(), rates, slopes, strict=True)
        }
        total = total + weights[step] * loss(step, 1)
    return total


def test_the_multi_step_loss_equals_a_computation_by_hand() -> None:
    learner = learner_with(multi_step=0.8, adapted=STILL)
    with torch.no_grad():  # steps that differ, to tell them apart
        for p in learner.parameters():
            p.add_(0.05 * torch.rand_like(p))
    batch = tasks(1, shape=IMAGES)
    loss, gradient = run(learner, batch)
    expected = by_hand(learner, task_tools.only(batch), float(NOW))
    slopes = torch.autograd.grad(expected, list(learner.parameters()))
    close(loss, expected.detach())
    for (name, own), slope_ in zip(gradient.items(), slopes, strict=True):
        close(own, slope_, atol=1e-10)
        before_norm = name.endswith(("layers.0.bias", "layers/0/bias"))  # has no effect
        assert before_norm or own.abs().max() > 1e-5, name


@pytest.mark.parametrize("progress", [0.1, 0.5])
def test_the_meta_gradient_equals_finite_differences(progress: float) -> None:
    learner, batch = learner_with(multi_step=0.3), tasks(shape=IMAGES)
    now, way = torch.tensor(progress, dtype=torch.float64), direction(learner)
    loss = learner(batch, now)
    named = dict(learner.named_parameters())
    slopes = torch.autograd.grad(loss, list(named.values()))
    values, losses = copy.deepcopy(learner.state_dict()), []
    for sign in (1, -1):
        learner.load_state_dict({k: v + sign * 1e-5 * way.get(k, 0) for k, v in values.items()})
        losses.append(float(learner(batch, now).detach()))
    expected = (losses[0] - losses[1]) / 2e-5
    assert along(dict(zip(named, slopes, strict=True)), way) == pytest.approx(expected, rel=1e-5)


def test_it_is_of_first_order_before_and_of_second_order_after() -> None:
    learner, batch = learner_with(**OFF, first_order_steps=10), tasks(shape=IMAGES)
    model = learner.model
    for step, name in ((9, "fomaml"), (10, "maml")):
        learner.current_phase = learner.phase(step)
        other = algorithm_around(copy.deepcopy(model), THREE, name)
        other.steps = learner.steps
        close(run(learner, batch), run(other, batch), rtol=0, atol=0)
        assert learner.second_order == (name == "maml")


@pytest.mark.slow
def test_a_compiled_meta_gradient_follows_the_order_of_derivatives() -> None:
    learner, batch = learner_with(first_order_steps=1), tasks(shape=IMAGES)
    compiled = Engine(compile=True)
    for step in (0, 1, 0):
        learner.current_phase = learner.phase(step)
        expected = Engine().meta_gradient(learner, batch, NOW)
        close(compiled.meta_gradient(learner, batch, NOW), expected, atol=1e-10)


def test_batch_norm_of_conv4_stays_out_of_the_inner_loop() -> None:
    from innerloop.models.conv4 import Conv4

    learner = algorithm("mamlpp", Conv4([1, 28, 28], 2, pool="stride"))
    *_, adapted = learner.adapt(task_tools.only(tasks(1, shape=(1, 28, 28))).support, 2, NOW)
    kept = {k for k, p in learner.model.named_parameters()
            if torch.equal(p, adapted.parameters[k])}  # fmt: skip
    norms = {f"body.blocks.{i}.norm.{k}" for i in range(4) for k in ("weight", "bias")}
    assert norms <= kept and "head.weight" not in kept


def test_every_step_has_its_scale_in_training_and_in_the_test() -> None:
    learner = learner_with(step_rates=False)
    task = task_tools.only(tasks(1, shape=IMAGES))
    (layer,) = norm.layers(learner)
    before = [outputs for _, outputs in learner.trajectory(task, 4, NOW)]
    with torch.no_grad():
        layer.bias[2] += 1  # of the third step
    after = [outputs for _, outputs in learner.trajectory(task, 4, NOW)]
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True, True, True, False, False]


def test_what_makes_no_sense_is_refused() -> None:
    for wrong in ({"multi_step": 1.5}, {"first_order_steps": -1}):
        with pytest.raises(UserError, match=next(iter(wrong))):
            learner_with(**wrong)
