"""The learned optimizer against MAML and plain PyTorch, in float64."""

import pytest
import torch
from helpers import (
    NOW,
    SmoothBody,
    SmoothConv,
    algorithm,
    along,
    close,
    direction,
    run,
    slope,
    tasks,
)
from torch import nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.adaptation.learned import log_and_sign
from innerloop.algorithms.gradient.learned_optimizer import LearnedOptimizer


@pytest.mark.parametrize("first_order", [True, False])
@pytest.mark.parametrize("body", [SmoothBody(), SmoothConv("transductive")])
def test_without_its_readout_it_equals_maml(body: nn.Module, first_order: bool) -> None:
    order = f"algorithm.first_order={first_order}"
    learner, maml = (algorithm(k, body, 3, False, order) for k in ("learned_optimizer", "maml"))
    assert isinstance(learner, LearnedOptimizer)
    nn.init.zeros_(learner.update.readout.weight)
    maml.model.load_state_dict(learner.model.state_dict())
    batch = tasks(shape=(1, 4, 4) if isinstance(body, SmoothConv) else (3,))
    (loss, gradient), (expected_loss, expected) = run(learner, batch), run(maml, batch)
    close(loss, expected_loss)
    close({k: gradient[k] for k in expected}, expected)


def test_steps_equal_those_of_pytorchs_lstm() -> None:
    learner = algorithm("learned_optimizer")
    assert isinstance(learner, LearnedOptimizer)
    cell, (support, _) = learner.update.lstm, task_tools.only(tasks(1))
    theirs = nn.LSTMCell(2, cell.width).double()
    weights = (cell.weight[:, :2], cell.weight[:, 2:], cell.bias, torch.zeros_like(cell.bias))
    theirs.load_state_dict(dict(zip(theirs.state_dict(), weights, strict=True)))
    names = [name for name, _ in learner.model.named_parameters()]
    values, memory = list(learner.model.parameters()), {}
    for _ in range(3):
        named = dict(zip(names, values, strict=True))
        outputs = torch.func.functional_call(learner.model, named, (support.inputs,))
        slopes = torch.autograd.grad(F.cross_entropy(outputs, support.targets), values)
        for i, (value, g) in enumerate(zip(values, slopes, strict=True)):
            size = g.abs().flatten()
            assert size.min() > 2.718281828**-10  # all by the logarithm, or the draw is unlucky
            memory[i] = theirs(torch.stack([size.log() / 10, g.sign().flatten()], 1), memory.get(i))
            added = learner.update.readout(memory[i][0]).view_as(value)
            values[i] = (value - 0.1 * (g + added)).detach().requires_grad_()
    *_, adapted = learner.adapt(support, 3, NOW)
    close({k: p.detach() for k, p in adapted.parameters.items()},
          {k: p.detach() for k, p in zip(names, values, strict=True)}, rtol=1e-9)  # fmt: skip


def test_in_second_order_its_meta_gradient_equals_finite_differences() -> None:
    second = "algorithm.first_order=false"
    learner, batch = algorithm("learned_optimizer", None, 3, False, second), tasks()
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-5)
    assert abs(along(gradient, way)) > 1e-3


def test_features_of_gradients_follow_the_papers_two_cases() -> None:
    edge = torch.tensor(-10.0).double().exp()
    values = torch.stack([2 * edge, -2 * edge, edge / 2, -edge / 2, 0 * edge])
    small = [[-1.0, 0.5], [-1.0, -0.5], [-1.0, 0.0]]
    large = float((2 * edge).log()) / 10
    close(log_and_sign(values), torch.tensor([[large, 1.0], [large, -1.0], *small]).double(),
          rtol=1e-6)  # fmt: skip
    close(log_and_sign(edge * torch.tensor([0.9999999, 1.0000001]))[0], torch.tensor([-1.0, 1.0]),
          rtol=1e-6)  # fmt: skip
