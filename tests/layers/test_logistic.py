"""Logistic regression against the conditions of a minimum, scikit-learn, and padding."""

import pytest
import torch
from helpers import close
from padding import padded, single
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.layers.logistic import LinearHead, fit_logistic
from innerloop.tasks import Examples

CASES = [(5, 40, 5, 1.0), (25, 40, 5, 1.0), (30, 3, 4, 1.0), (25, 40, 5, 10.0)]


def features(rows: int, width: int, ways: int) -> Examples:
    """Non-negative features of length 1, as after a ReLU."""
    labels = torch.arange(rows) % ways
    centres = torch.randn(ways, width, dtype=torch.float64)
    values = (centres[labels] + torch.randn(rows, width, dtype=torch.float64)).relu()
    return Examples(F.normalize(values, dim=1), labels)


def loss(weight: Tensor, bias: Tensor, support: Examples, c: float) -> Tensor:
    outputs = support.inputs @ weight.T + bias
    data = F.cross_entropy(outputs, support.targets, reduction="sum")
    return data + (weight**2).sum() / (2 * c)


@pytest.mark.parametrize(("rows", "width", "ways", "c"), CASES)
def test_the_fit_is_the_minimum(rows: int, width: int, ways: int, c: float) -> None:
    support = features(rows, width, ways)
    head = [part.requires_grad_() for part in fit_logistic(support, ways, c, steps=300)]
    slopes = torch.autograd.grad(loss(*head, support, c), head)
    assert max(slope.abs().max() for slope in slopes) < 1e-9  # of a convex function
    assert head[0].abs().max() > 0.1


@pytest.mark.parametrize(("rows", "width", "ways", "c"), CASES)
def test_the_fit_equals_scikit_learns(rows: int, width: int, ways: int, c: float) -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    support = features(rows, width, ways)
    model = linear_model.LogisticRegression(C=c, tol=1e-10, max_iter=10_000)
    model.fit(support.inputs.numpy(), support.targets.numpy())
    head = fit_logistic(support, ways, c)
    close(head.weight, torch.from_numpy(model.coef_), rtol=1e-5, atol=1e-5)
    close(head.bias, torch.from_numpy(model.intercept_), rtol=1e-5, atol=1e-5)


def test_each_step_count_lowers_the_loss() -> None:
    support = features(25, 40, 5)
    values = [float(loss(*fit_logistic(support, 5, steps=k), support, 1.0)) for k in range(6)]
    assert values == sorted(values, reverse=True)


def test_tasks_side_by_side_equal_each_alone_with_padding_and_absent_classes() -> None:
    singles = [single(ways, shots, 1, (6,)) for ways, shots in ((3, 2), (2, 4))]
    batch = padded(singles).support
    heads = torch.vmap(lambda support: tuple(fit_logistic(support, 3)))(batch)
    for i, task in enumerate(singles):
        ways = int(task.support.targets.max()) + 1
        expected = fit_logistic(task.support, ways)
        close(heads[0][i][:ways], expected.weight, rtol=1e-9)
        close(heads[1][i][:ways], expected.bias, rtol=1e-9)


def test_the_fit_is_computed_in_float32_under_autocast() -> None:
    support = features(25, 40, 5)
    coarse = Examples(support.inputs.bfloat16(), support.targets)
    exact = fit_logistic(Examples(coarse.inputs.double(), support.targets), 5)
    with torch.autocast("cpu", torch.bfloat16):
        head = fit_logistic(coarse, 5)
        outputs = head.outputs(coarse.inputs)
    assert isinstance(head, LinearHead) and outputs.dtype == torch.float32
    close(outputs, exact.outputs(task_tools.values(coarse.inputs)), rtol=1e-4, atol=1e-4)
