"""Implicit differentiation against closed forms, long unrolled descents and scipy, in float64."""

import pytest
import torch
from helpers import close
from scipy.sparse.linalg import cg
from torch import Tensor
from torch.func import jacrev, vmap

from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters, unrolled
from innerloop.adaptation.implicit import conjugate_gradient, implicit
from innerloop.adaptation.rules import SGD

SIZE, STRENGTH = 5, 0.7
EYE = torch.eye(SIZE, dtype=torch.float64)


def positive() -> Tensor:
    """A symmetric positive definite matrix."""
    root = torch.randn(SIZE, SIZE, dtype=torch.float64)
    return root @ root.T / SIZE + 0.1 * EYE


def quadratic(parameters: Parameters, matrix: Tensor, pull: Tensor) -> Tensor:
    x = torch.cat([parameters["a"], parameters["b"].flatten()])
    return 0.5 * x @ matrix @ x - pull @ x


def named(vector: Tensor) -> Parameters:
    return {"a": vector[:1], "b": vector[1:].view(2, 2)}


def flat(parameters: Parameters) -> Tensor:
    return torch.cat([parameters["a"], parameters["b"].flatten()])


def minimum(matrix: Tensor, pull: Tensor, start: Tensor) -> Tensor:
    """Of the quadratic and half the strength times the squared distance from the start."""
    return torch.linalg.solve(matrix + STRENGTH * EYE, pull + STRENGTH * start)


@pytest.mark.parametrize("damping", [0.0, 1.0])
def test_the_derivative_of_a_quadratics_minimum_has_a_closed_form(damping: float) -> None:
    matrix, pull, start = positive(), torch.randn(SIZE).double(), torch.randn(SIZE).double()
    end = named(minimum(matrix, pull, start))

    def moved(start: Tensor) -> Tensor:
        given = (matrix, pull)
        return flat(implicit(quadratic, named(start), end, given, STRENGTH, SIZE, damping))

    close(moved(start), flat(end))
    expected = torch.linalg.inv((1 + damping) * EYE + matrix / STRENGTH)
    close(torch.autograd.functional.jacobian(moved, start), expected, rtol=1e-7)
    close(jacrev(moved)(start), expected, rtol=1e-7)
    if not damping:
        close(jacrev(lambda s: minimum(matrix, pull, s))(start), expected)


def wavy(parameters: Parameters, pull: Tensor) -> Tensor:
    x = flat(parameters)
    return (x - pull).square().sum() + (x.sin() @ pull) ** 2 / 4


def test_it_equals_a_long_unrolled_descent() -> None:
    pull, start = torch.randn(SIZE).double(), torch.randn(SIZE).double()

    def proximal(parameters: Parameters, number: int, start: Parameters, pull: Tensor) -> Tensor:
        gaps = flat(parameters) - flat(start)
        return wavy(parameters, pull) + STRENGTH / 2 * gaps @ gaps

    def unrolled_end(start: Tensor) -> Tensor:
        given = (named(start), pull)
        *_, last = descend(proximal, named(start), 400, SGD(0.1), unrolled, given)
        return flat(last)

    end = named(unrolled_end(start))

    def moved(start: Tensor) -> Tensor:
        return flat(implicit(wavy, named(start), end, (pull,), STRENGTH, iterations=SIZE))

    expected = jacrev(unrolled_end)(start)
    close(jacrev(moved)(start), expected, rtol=1e-6, atol=1e-9)
    assert (expected - EYE).abs().max() > 0.1


def test_vmap_equals_one_task_at_a_time() -> None:
    matrices, pulls = torch.stack([positive() for _ in range(3)]), torch.randn(3, SIZE).double()
    start = torch.randn(SIZE).double()

    def outer(start: Tensor, matrix: Tensor, pull: Tensor) -> Tensor:
        end = named(minimum(matrix, pull, start.detach()))
        given = (matrix, pull)
        return flat(implicit(quadratic, named(start), end, given, STRENGTH, 3)).sin().sum()

    alone = [torch.func.grad(outer)(start, *task) for task in zip(matrices, pulls, strict=True)]
    close(vmap(torch.func.grad(outer), (None, 0, 0))(start, matrices, pulls), torch.stack(alone))
    trained = start.clone().requires_grad_()
    total = vmap(outer, (None, 0, 0))(trained, matrices, pulls).sum()
    close(torch.autograd.grad(total, trained)[0], torch.stack(alone).sum(0))


@pytest.mark.parametrize("iterations", [1, 3, SIZE])
def test_conjugate_gradient_equals_scipys(iterations: int) -> None:
    matrix, target = positive(), torch.randn(SIZE).double()
    expected, _ = cg(matrix.numpy(), target.numpy(), maxiter=iterations, rtol=1e-15)
    actual = conjugate_gradient(lambda x: matrix @ x, target, iterations)
    close(actual, torch.from_numpy(expected), rtol=1e-8)


def test_conjugate_gradient_stays_at_an_exact_solution() -> None:
    target = torch.randn(SIZE).double()
    close(conjugate_gradient(lambda x: 2 * x, target, 10), target / 2)
    close(conjugate_gradient(lambda x: 2 * x, 0 * target, 10), 0 * target)
