"""ALPaCA's posterior mean against the textbook's formula and against its limits, in float64."""

import torch
from helpers import NOW, SmoothBody, algorithm, close, tasks
from torch import Tensor
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.closed_form.alpaca import ALPaCA
from innerloop.tasks import Examples, Task


def learner_and_task() -> tuple[ALPaCA, Task]:
    learner = algorithm("alpaca", SmoothBody(), 3, False, "algorithm.precision=0.7")
    assert isinstance(learner, ALPaCA)
    with torch.no_grad():
        learner.log_precision += torch.randn_like(learner.log_precision)
    return learner, task_tools.only(tasks(1, shots=4))


def design(learner: ALPaCA, examples: Examples) -> Tensor:
    return torch.cat([learner.model.body(examples.inputs),
                      torch.ones(len(examples.targets), 1).double()], 1)  # fmt: skip


def prior_of(learner: ALPaCA) -> Tensor:
    return torch.cat([learner.model.head.weight, learner.model.head.bias[:, None]], 1).T


def test_outputs_are_those_of_the_posterior_mean() -> None:
    r""":math:`(\Phi^T \Phi + \Lambda)^{-1} (\Phi^T Y + \Lambda W_0)`, Bishop's equation 3.50."""
    learner, task = learner_and_task()
    x, new = design(learner, task.support), design(learner, task.query)
    y = F.one_hot(task.support.targets, 3).double()
    precision = torch.diag(learner.log_precision.exp())
    mean = torch.linalg.inv(x.T @ x + precision) @ (x.T @ y + precision @ prior_of(learner))
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    close(outputs, new @ mean, rtol=1e-9)


def test_without_support_the_prior_answers() -> None:
    learner, task = learner_and_task()
    nothing = Examples(task.support.inputs[:0], task.support.targets[:0])
    ((_, outputs),) = learner.trajectory(Task(nothing, task.query), 0, NOW)
    close(outputs, learner.model(task.query.inputs), rtol=1e-9)


def test_a_certain_prior_never_moves_and_a_vague_one_fits_exactly() -> None:
    learner, task = learner_and_task()
    with torch.no_grad():
        learner.log_precision.fill_(40.0)
    ((_, outputs),) = learner.trajectory(task, 0, NOW)
    close(outputs, learner.model(task.query.inputs), rtol=1e-6)
    with torch.no_grad():
        learner.log_precision.fill_(-30.0)
    few = Examples(task.support.inputs[:3], task.support.targets[:3])
    ((_, outputs),) = learner.trajectory(Task(few, few), 0, NOW)
    close(outputs, F.one_hot(few.targets, 3).double(), rtol=1e-5, atol=1e-5)
