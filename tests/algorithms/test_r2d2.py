"""R2-D2's ridge regression against numpy's least squares and the primal solution, in float64."""

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, close, run, tasks
from padding import padded, single
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.adaptation.ridge import ridge
from innerloop.algorithms.closed_form.r2d2 import R2D2
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task


def by_least_squares(x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """The same minimum as that of a plain regression with rows for the penalty."""
    rows = penalty**0.5 * torch.eye(x.shape[1], dtype=x.dtype)
    more = torch.zeros(x.shape[1], y.shape[1], dtype=y.dtype)
    return torch.linalg.lstsq(torch.cat([x, rows]), torch.cat([y, more]), driver="gelsd").solution


@pytest.mark.parametrize(("n", "d"), [(3, 7), (7, 3), (5, 5), (1, 4)])
@pytest.mark.parametrize("penalty", [1e-3, 1.0, 50.0])
def test_ridge_equals_least_squares_with_rows_for_the_penalty(
    n: int, d: int, penalty: float
) -> None:
    x, y = torch.randn(n, d).double(), torch.randn(n, 2).double()
    close(ridge(x, y, penalty), by_least_squares(x, y, penalty), rtol=1e-8)


def test_ridge_solves_a_batch_and_ignores_rows_of_zeros() -> None:
    x, y = torch.randn(4, 6, 3).double(), torch.randn(4, 6, 2).double()
    penalties = torch.rand(4).double() + 0.1
    batch = ridge(F.pad(x, (0, 0, 0, 2)), F.pad(y, (0, 0, 0, 2)), penalties)
    for i in range(4):
        close(batch[i], by_least_squares(x[i], y[i], float(penalties[i])), rtol=1e-8)


def by_hand(learner: R2D2, task: Task) -> Tensor:
    """The outputs from the primal solution of the mean error, with a column of ones."""
    x, new = (
        torch.cat([learner.model.body(part.inputs), torch.ones(len(part.targets), 1).double()], 1)
        for part in task
    )
    y = F.one_hot(task.support.targets).double()
    gram = x.T @ x / len(x) + learner.log_penalty.exp() * torch.eye(x.shape[1]).double()
    return learner.scale * new @ torch.linalg.inv(gram) @ (x.T @ y / len(x))


@pytest.mark.parametrize("shots", [1, 5])
def test_outputs_and_gradient_equal_the_primal_solutions(shots: int) -> None:
    learner = algorithm("r2d2", SmoothBody(), 3, False, "algorithm.penalty=0.3")
    batch = tasks(2, shots=shots)
    assert isinstance(learner, R2D2)
    outputs = [by_hand(learner, task_tools.only(task_tools.part(batch, i, i + 1))) for i in (0, 1)]
    losses = [F.cross_entropy(outputs[i], batch.query.targets[i]) for i in (0, 1)]
    slopes = torch.autograd.grad(sum(losses) / 2, list(learner.parameters()))
    loss, gradient = run(learner, batch)
    close(loss, (sum(losses) / 2).detach())
    for actual, expected in zip(gradient.values(), slopes, strict=True):
        close(actual, expected, rtol=1e-8)
    assert max(float(g.abs().max()) for g in gradient.values()) > 1e-3


def test_a_learned_penalty_has_a_gradient_and_a_fixed_one_is_not_trained() -> None:
    learner = algorithm("r2d2", SmoothBody(), 3, False, "algorithm.learn_penalty=true")
    _, gradient = run(learner, tasks())
    assert gradient["log_penalty"].abs() > 1e-6
    assert "log_penalty" not in dict(algorithm("r2d2").named_parameters())
    assert float(learner.log_penalty.detach().exp()) == pytest.approx(50)


def test_tasks_of_many_shots_count_their_own_examples() -> None:
    """The penalty is that of a mean: each task is divided by its own number of examples."""
    learner, singles = algorithm("r2d2"), [single(3, shots, 2, (3,)) for shots in (1, 4, 9)]
    assert isinstance(learner, R2D2)
    expected = [F.cross_entropy(by_hand(learner, t), t.query.targets) for t in singles]
    loss, _ = Engine().meta_gradient(learner, padded(singles), NOW)
    close(loss, torch.stack(expected).mean().detach())


@pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
def test_a_penalty_that_is_not_positive_is_refused(penalty: float) -> None:
    with pytest.raises(UserError, match="a penalty above zero"):
        R2D2(Network(SmoothBody(), 3), Classification(3, 3), penalty=penalty)
