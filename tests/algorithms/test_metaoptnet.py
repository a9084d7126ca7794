"""MetaOptNet's problems against scipy, scikit-learn, the optimality conditions and the authors'
equations, in float64."""

import numpy as np
import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, close, run, tasks
from scipy.optimize import LinearConstraint, minimize
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.adaptation.crammer_singer import crammer_singer
from innerloop.algorithms.closed_form.metaoptnet_ridge import MetaOptNetRidge
from innerloop.algorithms.closed_form.metaoptnet_svm import MetaOptNetSVM
from innerloop.errors import UserError
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.objectives.smoothing import smoothed_cross_entropy


def problem(n: int, ways: int, d: int, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Features of overlapping classes, their labels, and the kernel K + I."""
    labels = torch.arange(n) % ways
    features = size * (torch.randn(n, d).double() + labels[:, None] / 2)
    kernel = features @ features.T + torch.eye(n).double()
    return features, F.one_hot(labels, ways).double(), kernel


@pytest.mark.parametrize("cost", [0.1, 1.0])
def test_the_support_vector_machine_equals_scipys_solution(cost: float) -> None:
    _, labels, kernel = problem(6, 3, 2)
    k, y = kernel.numpy(), labels.numpy()

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        alpha = flat.reshape(6, 3)
        return float((alpha * (k @ alpha) / 2 - y * alpha).sum()), (k @ alpha - y).ravel()

    sums = LinearConstraint(np.kron(np.eye(6), np.ones(3)), 0, 0)
    upper = [(None, bound) for bound in (cost * y).ravel()]
    best = minimize(
        value, np.zeros(18), jac=True, bounds=upper, constraints=sums, method="SLSQP", tol=1e-13
    )
    alpha = crammer_singer(kernel, labels, cost)
    close(alpha, torch.from_numpy(best.x.reshape(6, 3)), rtol=1e-4, atol=1e-5)
    assert value(alpha.numpy().ravel())[0] <= best.fun + 1e-10


@pytest.mark.parametrize(("n", "ways", "d"), [(5, 5, 8), (12, 3, 3), (25, 5, 64), (60, 4, 3)])
def test_the_support_vector_machine_equals_scikit_learns(n: int, ways: int, d: int) -> None:
    svm = pytest.importorskip("sklearn.svm")
    features, labels, kernel = problem(n, ways, d)
    # The kernel K + I belongs to features with a dimension of its own for each example.
    wider = torch.cat([features, torch.eye(n).double()], 1)
    theirs = svm.LinearSVC(
        multi_class="crammer_singer", fit_intercept=False, C=0.1, tol=1e-12, max_iter=10**6
    ).fit(wider.numpy(), labels.argmax(1).numpy())
    ours = wider.T @ crammer_singer(kernel, labels, cost=0.1)
    close(ours.T, torch.from_numpy(theirs.coef_), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 300.0])
@pytest.mark.parametrize("cost", [0.1, 1000.0])
@pytest.mark.parametrize(("n", "ways"), [(5, 5), (25, 5), (12, 2), (40, 20)])
def test_the_solution_meets_the_conditions_of_the_optimum(
    n: int, ways: int, cost: float, size: float
) -> None:
    _, labels, kernel = problem(n, ways, 50, size)
    alpha = crammer_singer(kernel, labels, cost)
    scale = float(alpha.abs().max())
    close(alpha.sum(1), torch.zeros(n), atol=1e-12 * scale)
    assert (alpha <= cost * labels + 1e-12 * scale).all()
    # Y - K alpha is the same for the classes that an example can still move, and no less elsewhere.
    slope, free = labels - kernel @ alpha, alpha < cost * labels
    level = torch.where(free, slope, torch.inf).amin(1, keepdim=True)
    close(torch.where(free, slope - level, 0), torch.zeros(n, ways), atol=1e-7)
    assert (slope >= level - 1e-7).all() and free.any(1).all()


def test_its_derivative_equals_finite_differences() -> None:
    features, labels, _ = problem(8, 3, 4)
    way = torch.randn(8, 4).double()

    def scores(x: Tensor) -> Tensor:
        return crammer_singer(x @ x.T + torch.eye(8).double(), labels, cost=0.1)

    _, slope = torch.func.jvp(scores, (features,), (way,))
    change = (scores(features + 1e-6 * way) - scores(features - 1e-6 * way)) / 2e-6
    close(slope, change, rtol=1e-5, atol=1e-8)
    assert (scores(features) == 0.1 * labels).any() and slope.abs().max() > 1e-4


def test_padding_and_absent_classes_change_nothing_for_many_tasks_at_once() -> None:
    kernels, labels = 5 * torch.eye(10).double().repeat(3, 1, 1), torch.zeros(3, 10, 4).double()
    expected = torch.zeros(3, 10, 4).double()
    for i, n in enumerate((6, 9, 7)):
        _, y, kernel = problem(n, 3, 5)
        rows = torch.randperm(10)[:n, None]
        kernels[i, rows, rows.T] = kernel
        labels[i, rows, torch.tensor([0, 1, 3])] = y
        expected[i, rows, torch.tensor([0, 1, 3])] = crammer_singer(kernel, y, cost=0.1)
    alpha = torch.vmap(lambda kernel, y: crammer_singer(kernel, y, cost=0.1))(kernels, labels)
    close(alpha, expected)
    assert (expected == 0).sum() > 50


def test_ridge_outputs_equal_the_authors_dual_problem() -> None:
    learner, task = algorithm("metaoptnet_ridge"), task_tools.only(tasks(1))
    assert isinstance(learner, MetaOptNetRidge)
    x, new = (learner.model.body(part.inputs) for part in task)
    y = F.one_hot(task.support.targets).double()
    dual = torch.linalg.solve(x @ x.T + 50 * torch.eye(len(x)), 2 * y)  # their labels are doubled
    *_, (_, outputs) = learner.trajectory(task, 0, NOW)
    close(outputs, new @ x.T @ dual)  # times their scale, 1 at the start
    assert outputs.abs().max() > 1e-3


def test_svm_outputs_are_the_kernels_with_the_support() -> None:
    learner, task = algorithm("metaoptnet_svm"), task_tools.only(tasks(1))
    assert isinstance(learner, MetaOptNetSVM)
    x, new = (learner.model.body(part.inputs) for part in task)
    y = F.one_hot(task.support.targets).double()
    dual = crammer_singer(x @ x.T + torch.eye(len(x)), y, cost=0.1)
    *_, (_, outputs) = learner.trajectory(task, 0, NOW)
    close(outputs, new @ x.T @ dual)
    assert outputs.abs().max() > 1e-3


def test_smoothed_labels_equal_torchs_with_another_share() -> None:
    """PyTorch gives the label a part of what it smooths, the authors of MetaOptNet do not."""
    logits, targets = torch.randn(6, 4).double(), torch.tensor([0, 3, 1, -100, 2, 2])
    theirs = F.cross_entropy(logits, targets, label_smoothing=0.1 * 4 / 3)
    close(smoothed_cross_entropy(logits, targets, 0.1), theirs)
    close(smoothed_cross_entropy(logits, targets, 0.0), F.cross_entropy(logits, targets))
    absent = F.pad(logits, (0, 1), value=-torch.inf).requires_grad_()
    loss = smoothed_cross_entropy(absent, targets, 0.1)
    close(loss.detach(), theirs)
    (slope,) = torch.autograd.grad(loss, absent)
    assert slope.isfinite().all() and (slope[:, 4] == 0).all()


@pytest.mark.parametrize("name", ["metaoptnet_ridge", "metaoptnet_svm"])
def test_only_training_smooths_the_labels(name: str) -> None:
    learner, batch = algorithm(name), tasks(1)
    *_, (_, outputs) = learner.trajectory(task_tools.only(batch), 0, NOW)
    targets = batch.query.targets[0]
    loss, _ = run(learner, batch)
    close(loss, smoothed_cross_entropy(outputs, targets, 0.1).detach())
    close(learner.scores(batch, 0, NOW)["loss"].item(), F.cross_entropy(outputs, targets).item())
    assert abs(float(loss) - F.cross_entropy(outputs, targets).item()) > 1e-6


def test_settings_that_make_no_problem_are_refused() -> None:
    model, task = Network(SmoothBody(), 3), Classification(3, 3)
    with pytest.raises(UserError, match="a penalty above zero"):
        MetaOptNetRidge(model, task, penalty=0.0)
    with pytest.raises(UserError, match="a cost above zero"):
        MetaOptNetSVM(model, task, cost=0.0)
    with pytest.raises(UserError, match="from 0 to below 1"):
        MetaOptNetSVM(model, task, smoothing=1.0)
