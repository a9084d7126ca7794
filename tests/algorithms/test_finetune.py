"""Fine-tuning against PyTorch's Adam on a copy of the backbone, in float64."""

import copy

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, close, run, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.transfer.finetune import FineTune
from innerloop.errors import UserError
from innerloop.layers.views import view
from innerloop.tasks import Examples, Task


def logits(body: nn.Module, support: Examples, images: Tensor) -> Tensor:
    """Ten times the cosines of features and class means, one pair after the other."""
    features, means = body(images), []
    for k in range(3):
        means.append(body(support.inputs)[support.targets == k].mean(0))
    rows = [[F.cosine_similarity(x, mean, dim=0) for mean in means] for x in features]
    return 10 * torch.stack([torch.stack(row) for row in rows])


@pytest.mark.parametrize("views", [1, 3])
def test_fine_tuning_equals_adam_on_a_copy_of_the_backbone(views: int) -> None:
    more = (f"algorithm.views={views}", "algorithm.rate=0.01")
    learner = algorithm("finetune", SmoothConv("running"), 3, False, *more).eval()
    support, query = task = task_tools.only(tasks(1, shape=(1, 12, 12)))
    path = [outputs for _, outputs in learner.trajectory(task, 2, NOW)]
    twin = copy.deepcopy(learner.model.body)
    optimizer = torch.optim.Adam(twin.parameters(), 0.01)
    images = torch.cat([view(support.inputs, number) for number in range(views)])
    for step in range(3):
        close(path[step], logits(twin, support, query.inputs).detach())
        loss = F.cross_entropy(logits(twin, support, images), support.targets.repeat(views))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (path[2] - path[0]).abs().max() > 1e-3


def test_training_is_without_inner_steps_and_with_a_rate_of_zero_nothing_moves() -> None:
    learner, batch = algorithm("finetune", None, 3, False, "algorithm.rate=0.0"), tasks(1)
    task = task_tools.only(batch)
    first, last = ([o for _, o in learner.trajectory(task, 3, NOW)][step] for step in (0, 3))
    close(last, first, rtol=0, atol=0)
    close(run(learner, batch)[0], F.cross_entropy(first, task.query.targets).detach())


def test_a_negative_rate_is_refused() -> None:
    learner = algorithm("finetune")
    with pytest.raises(UserError, match=r"algorithm.rate=-0.1.*rate of 0 or more"):
        FineTune(learner.model, learner.objective, rate=-0.1)


def blurred(part: Examples) -> Examples:
    """The examples with a random brightness each, so that classes overlap."""
    return part._replace(inputs=part.inputs + torch.randn(*part.targets.shape, 1, 1, 1))


def test_the_rate_of_a_domain_is_the_best_of_four_on_its_tasks() -> None:
    batch = Task(*map(blurred, tasks(5, shots=3, queries=8, shape=(1, 12, 12))))
    learner = algorithm("finetune_per_domain", SmoothConv("running")).eval()
    assert isinstance(learner, FineTune) and learner.selecting_tasks == 5
    accuracies = {}
    for rate in (0.0, 0.0001, 0.001, 0.01):
        twin = algorithm("finetune", copy.deepcopy(learner.model.body)).eval()
        twin.rate = rate  # type: ignore[assignment]
        accuracies[rate] = float(twin.scores(batch, 40, NOW)["accuracy"][:, -1].mean())
    best = max(accuracies.values())
    assert best > min(accuracies.values())
    learner.select(batch, 40, NOW)
    assert learner.rate == min(rate for rate, score in accuracies.items() if score == best)
    close(learner.scores(batch, 1, NOW)["rate"], torch.full((5, 2), learner.rate))
