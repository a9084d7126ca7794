"""Meta-LSTM against gradient descent and PyTorch's own LSTM, in float64."""

import math

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
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.meta_lstm import MetaLSTM
from innerloop.errors import UserError
from innerloop.layers.lstm import LSTMCell
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives import Regression
from innerloop.tasks import Examples


def with_fixed_gates(learner: Algorithm, enter: float) -> Algorithm:
    """The learner whose forget gate is open and whose input gate is a constant."""
    assert isinstance(learner, MetaLSTM)
    with torch.no_grad():
        for gate in (learner.gates.enter, learner.gates.forget):
            gate.weight.zero_()
        learner.gates.enter.bias.copy_(torch.tensor(enter, dtype=torch.float64).logit())
        learner.gates.forget.bias.fill_(50.0)  # its sigmoid is 1 in float64
    return learner


@pytest.mark.parametrize("first_order", [True, False])
@pytest.mark.parametrize("body", [SmoothBody(), SmoothConv("transductive")])
def test_with_fixed_gates_it_equals_maml(body: nn.Module, first_order: bool) -> None:
    order = f"algorithm.first_order={first_order}"
    learner = with_fixed_gates(algorithm("meta_lstm", body, 3, False, order), enter=0.1)
    maml = algorithm("maml", body, 3, False, order)
    maml.model.load_state_dict(learner.model.state_dict())
    batch = tasks(shape=(1, 4, 4) if isinstance(body, SmoothConv) else (3,))
    (loss, gradient), (expected_loss, expected) = run(learner, batch), run(maml, batch)
    close(loss, expected_loss, rtol=1e-9)
    close({k: gradient[k] for k in expected}, expected, rtol=1e-9)


def features(slope: Tensor, loss: Tensor) -> Tensor:
    """Gradient and loss as the paper writes them, with p = 10."""
    values = []
    for x in (float(slope), float(loss)):
        if abs(x) >= math.exp(-10):
            values += [math.log(abs(x)) / 10, math.copysign(1, x)]
        else:
            values += [-1, math.exp(10) * x]
    return torch.tensor([values], dtype=torch.float64)


def test_two_steps_equal_a_computation_by_hand() -> None:
    """One weight at a time, with PyTorch's LSTM, and gates that remember their raw values."""
    learner = algorithm("meta_lstm")
    assert isinstance(learner, MetaLSTM)
    gates, (support, _) = learner.gates, task_tools.only(tasks(1))
    *_, actual = learner.adapt(support, 2, NOW)
    values = {k: p.detach().clone() for k, p in learner.model.named_parameters()}
    theirs, zero = twin(gates.lstm), torch.zeros(1, dtype=torch.float64)
    memory: dict[tuple[str, int], tuple[Tensor, Tensor]] = {}
    raw: dict[tuple[str, str, int], Tensor] = {}
    for _ in range(2):
        slopes, loss = torch.func.grad_and_value(support_loss)(values, learner.model, support)
        for name, value in values.items():
            numbers = []
            for j, (number, g) in enumerate(
                zip(value.flatten(), slopes[name].flatten(), strict=True)
            ):
                memory[name, j] = theirs(features(g, loss), memory.get((name, j)))
                for gate in ("enter", "forget"):
                    before = raw.get((gate, name, j), zero)
                    row = torch.cat([memory[name, j][0][0], number[None], before])
                    layer = getattr(gates, gate)
                    raw[gate, name, j] = (layer.weight @ row + layer.bias).detach()
                kept, new = (raw[gate, name, j].sigmoid() for gate in ("forget", "enter"))
                numbers.append(kept * number - new * g)
            values[name] = torch.cat(numbers).view_as(value)
    close({k: p.detach() for k, p in actual.parameters.items()}, values)


def support_loss(values: dict[str, Tensor], model: nn.Module, support: Examples) -> Tensor:
    outputs = torch.func.functional_call(model, values, (support.inputs,))
    return F.cross_entropy(outputs, support.targets)


def twin(cell: LSTMCell) -> nn.LSTMCell:
    """PyTorch's cell with the same weights; it has two biases, of which one is zero."""
    inputs = cell.weight.shape[1] - cell.width
    theirs = nn.LSTMCell(inputs, cell.width).to(cell.weight.dtype)
    with torch.no_grad():
        theirs.weight_ih.copy_(cell.weight[:, :inputs])
        theirs.weight_hh.copy_(cell.weight[:, inputs:])
        theirs.bias_ih.copy_(cell.bias)
        theirs.bias_hh.zero_()
    return theirs


def test_the_cell_equals_pytorchs() -> None:
    cell, x = LSTMCell(3, 4).double(), torch.randn(5, 3).double()
    memory: tuple[Tensor, Tensor] = (torch.randn(5, 4).double(), torch.randn(5, 4).double())
    close(cell(x, memory), twin(cell)(x, memory))


def test_in_second_order_its_meta_gradient_equals_finite_differences() -> None:
    learner, batch = algorithm("meta_lstm", None, 3, False, "algorithm.first_order=false"), tasks()
    assert learner.exact_meta_gradient
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-5)
    assert abs(along(gradient, way)) > 1e-3


@pytest.mark.parametrize("settings", [{"rate": 1.0}, {"rate": 0.1, "keep": 1.0}])
def test_gates_that_start_shut_or_open_for_good_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(UserError, match="between 0 and 1"):
        MetaLSTM(Network(MLP([1]), 1), Regression(), **settings)
