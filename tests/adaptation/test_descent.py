"""Descent against closed forms and PyTorch's own optimizers, in float64."""

from collections.abc import Callable

import pytest
import torch
from helpers import close
from torch import Tensor
from torch.func import jacrev, vmap

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Gradient, Loss, Parameters, first_order, unrolled
from innerloop.adaptation.rules import SGD, Adam, Rule

SIZE, RATE = 4, 0.1
RULES = [SGD(RATE), Adam(RATE), Adam(RATE, momentum=0.0)]


def curvature() -> Tensor:
    """A symmetric positive definite matrix whose largest eigenvalue leaves RATE stable."""
    root = torch.randn(SIZE, SIZE, dtype=torch.float64)
    return root @ root.T / SIZE + torch.eye(SIZE, dtype=torch.float64)


def quadratic(matrix: Tensor, pull: Tensor) -> Loss:
    def loss(parameters: Parameters, number: int = 0) -> Tensor:
        x = parameters["x"]
        return 0.5 * x @ matrix @ x - pull @ x

    return loss


def wavy(parameters: Parameters, number: int = 0) -> Tensor:
    """A loss that is not quadratic, over two parameters of different shapes."""
    return (parameters["w"].sin() @ parameters["b"]).square().sum() + parameters["b"].cos().sum()


def wavy_start() -> Parameters:
    return {
        "w": torch.randn(3, 2, dtype=torch.float64),
        "b": torch.randn(2, dtype=torch.float64),
    }


def end(loss: Loss, start: Parameters, steps: int, rule: Rule, gradient: Gradient) -> Parameters:
    *_, last = descend(loss, start, steps, rule, gradient)
    return last


def powers(matrix: Tensor, steps: int) -> Tensor:
    """The matrix by which gradient descent multiplies the distance to the minimum."""
    return torch.linalg.matrix_power(torch.eye(SIZE, dtype=torch.float64) - RATE * matrix, steps)


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_sgd_on_a_quadratic_has_a_closed_form(steps: int) -> None:
    matrix, pull, x = curvature(), torch.randn(SIZE).double(), torch.randn(SIZE).double()
    minimum = torch.linalg.solve(matrix, pull)
    power = powers(matrix, steps)

    def last(start: Tensor) -> Tensor:
        return end(quadratic(matrix, pull), {"x": start}, steps, SGD(RATE), unrolled)["x"]

    close(last(x), minimum + power @ (x - minimum))
    close(jacrev(last)(x), power)
    close(torch.autograd.functional.jacobian(last, x), power)


def test_derivative_of_an_sgd_step_with_respect_to_its_rates() -> None:
    matrix, pull, x = curvature(), torch.randn(SIZE).double(), torch.randn(SIZE).double()

    def last(rate: Tensor) -> Tensor:
        return end(quadratic(matrix, pull), {"x": x}, 1, SGD({"x": rate}), unrolled)["x"]

    slope = matrix @ x - pull  # one step is x - rate * slope
    close(jacrev(last)(torch.rand(SIZE).double()), -torch.diag(slope))


@pytest.mark.parametrize("gradient", [unrolled, first_order])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_adam_equals_pytorchs_adam(momentum: float, gradient: Gradient) -> None:
    start = wavy_start()
    theirs = {k: p.clone().requires_grad_() for k, p in start.items()}
    optimizer = torch.optim.Adam(theirs.values(), lr=RATE, betas=(momentum, 0.999))
    path = list(descend(wavy, start, 6, Adam(RATE, momentum), gradient))
    for ours in path[1:]:
        optimizer.zero_grad()
        wavy(theirs).backward()
        optimizer.step()
        for name, p in theirs.items():
            close(ours[name], p.detach())
    assert all((path[-1][k] - start[k]).abs().min() > 1e-3 for k in start)


def test_gradients_through_adam_equal_finite_differences() -> None:
    names, values = zip(*wavy_start().items(), strict=True)

    def last(*start: Tensor) -> tuple[Tensor, ...]:
        parameters = dict(zip(names, start, strict=True))
        return tuple(end(wavy, parameters, 3, Adam(RATE), unrolled).values())

    assert torch.autograd.gradcheck(last, [v.requires_grad_() for v in values])


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_descend_yields_the_start_and_every_step(rule: Rule, steps: int) -> None:
    start = wavy_start()
    path = list(descend(wavy, start, steps, rule))
    assert len(path) == steps + 1
    assert all(torch.equal(path[0][k], start[k]) for k in start)
    for shorter in range(steps):  # a longer descent begins with the shorter one
        close(path[shorter], end(wavy, start, shorter, rule, unrolled))


def test_the_loss_receives_the_step_number() -> None:
    rows, x = torch.randn(5, SIZE).double(), torch.zeros(SIZE).double()

    def minibatch(parameters: Parameters, number: int, rows: Tensor) -> Tensor:
        return 0.5 * (parameters["x"] - rows[number]).square().sum()

    *_, last = descend(minibatch, {"x": x}, 5, SGD(RATE), given=(rows,))
    for row in rows:
        x = x + RATE * (row - x)
    close(last["x"], x)


@pytest.mark.parametrize("rule", RULES)
def test_first_order_takes_the_same_steps_with_constant_gradients(rule: Rule) -> None:
    start = wavy_start()
    (constants, value), (true_slopes, true_value) = first_order(wavy, start), unrolled(wavy, start)
    close(value, true_value)
    slopes = constants, true_slopes
    assert all(g.abs().max() > 0.01 for g in slopes[0].values())
    close(*slopes)
    close(end(wavy, start, 3, rule, first_order), end(wavy, start, 3, rule, unrolled))

    def last(gradient: Gradient) -> Callable[[Parameters], Tensor]:
        return lambda start: end(wavy, start, 3, rule, gradient)["b"]

    constant, true = (jacrev(last(gradient))(start) for gradient in (first_order, unrolled))
    close(constant["b"], torch.eye(2, dtype=torch.float64))  # the step's gradient is a constant
    close(constant["w"], torch.zeros(2, 3, 2))
    assert (true["b"] - constant["b"]).abs().max() > 1e-3 and true["w"].abs().max() > 1e-3


@pytest.mark.parametrize("gradient", [unrolled, first_order])
@pytest.mark.parametrize("rule", RULES)
def test_vmap_equals_one_task_at_a_time(rule: Rule, gradient: Gradient) -> None:
    matrices = torch.stack([curvature() for _ in range(3)])
    pulls, start = torch.randn(3, SIZE).double(), torch.randn(SIZE).double()

    def outer(x: Tensor, matrix: Tensor, pull: Tensor) -> Tensor:
        return end(quadratic(matrix, pull), {"x": x}, 3, rule, gradient)["x"].sin().sum()

    together = vmap(torch.func.grad_and_value(outer), (None, 0, 0))(start, matrices, pulls)
    alone = [
        torch.func.grad_and_value(outer)(start, *task) for task in zip(matrices, pulls, strict=True)
    ]
    for actual, expected in zip(together, zip(*alone, strict=True), strict=True):
        close(actual, torch.stack(expected))
        assert actual.abs().min() > 1e-6 and actual.std() > 1e-3


def test_a_rule_receives_the_loss_and_the_step_number() -> None:
    class ByTheLoss:
        """A minimal learned optimizer: its rate is the loss."""

        def start(self, parameters: Parameters) -> Tensor:
            return torch.zeros(())

        def step(
            self, parameters: Parameters, gradient: Parameters, loss: Tensor, state: Tensor,
            number: int,
        ) -> tuple[Parameters, Tensor]:  # fmt: skip
            assert int(state) == number
            return {k: p - loss * gradient[k] for k, p in parameters.items()}, state + 1

    x = torch.tensor([0.3], dtype=torch.float64)
    *_, last = descend(lambda p, _: p["x"].square().sum(), {"x": x}, 3, ByTheLoss())
    for _ in range(3):  # x <- x - x^2 * 2 x
        x = x - 2 * x**3
    close(last["x"], x)
