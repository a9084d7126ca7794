"""Guarantees for every algorithm, including a user's own: independent queries, frozen and tied
weights."""

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest
import torch
from helpers import (
    NOW,
    SmoothBody,
    SmoothConv,
    algorithm_around,
    algorithms_that,
    close,
    tasks,
)
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.gradient.anil import ANIL
from innerloop.algorithms.gradient.maml import MAML
from innerloop.algorithms.gradient.reptile import Reptile
from innerloop.algorithms.metric.protonet import ProtoNet
from innerloop.errors import UserError
from innerloop.layers.norm import TaskNorm
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task

THREE = Classification(3, 3)


class NormedHead(nn.Sequential):
    """A head with batch norm of its own."""

    def __init__(self) -> None:
        super().__init__(TaskNorm(4, "support"), nn.Tanh(), nn.Linear(4, 3))


class WithNormedHead(nn.Module):
    """A body without batch norm, and a head with it."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = SmoothBody(), NormedHead()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(inputs))


class Nearest(Algorithm):
    """Nearest neighbour, written without any thought of batch norm."""

    adapts_by_steps = False

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        yield self.model.body(support.inputs), support.targets

    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        features, labels = adapted
        gaps = torch.cdist(self.model.body(inputs), features)
        others = labels != torch.arange(3)[:, None]
        return -gaps[:, None].masked_fill(others, torch.inf).amin(-1)


class Twice(MAML):
    """Adapts as MAML does, and answers with doubled outputs."""

    def adapt(self, support: Examples, steps: int, progress: Tensor) -> Iterator[Any]:
        for adapted in super().adapt(support, steps, progress):
            yield adapted._replace(parameters=dict(adapted.parameters))

    def predict(self, adapted: Any, inputs: Any) -> Tensor:
        return 2 * super().predict(adapted, inputs)


class Embedding(ProtoNet):
    """Embeds support and queries in separate passes."""

    def embed(self, tasks: Task) -> Task:
        return Task(*[self._part(part) for part in tasks])

    def _part(self, part: Examples) -> Examples:
        rows = self.features(part.inputs.flatten(0, 1))
        return Examples(rows.unflatten(0, part.targets.shape), part.targets)


CASES: dict[str, Any] = {
    "MAML with a normed head": lambda: MAML(WithNormedHead(), THREE, 0.1, 2),
    "ANIL with a normed head": lambda: ANIL(WithNormedHead(), THREE, 0.1, 2),
    "Reptile with a normed head": lambda: Reptile(WithNormedHead(), THREE, 0.1),
    "a user's own": lambda: Nearest(Network(SmoothConv("support"), 3), THREE),
    "a user's subclass": lambda: Twice(Network(SmoothConv("support"), 3), THREE, 0.1, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_with_norm_support_a_prediction_does_not_depend_on_other_queries(case: str) -> None:
    learner = CASES[case]().double()
    shape = (3,) if "head" in case else (1, 4, 4)
    task = task_tools.only(tasks(1, shape=shape))
    *_, adapted = learner.adapt(task.support, 2, NOW)
    together = learner.predict(adapted, task.query.inputs)
    for i in range(len(together)):
        close(learner.predict(adapted, task.query.inputs[i : i + 1])[0], together[i])
    assert learner.weights(adapted)
    # The support matters: another support with the same adapted weights changes the prediction.
    moved = Examples(3 * adapted.support.inputs + 1, adapted.support.targets)
    other = replace(adapted, support=moved)
    assert (learner.predict(other, task.query.inputs) - together).abs().max() > 1e-3


def test_embedding_queries_without_their_support_is_refused() -> None:
    learner = Embedding(Network(SmoothConv("support"), 3), THREE).double()
    with pytest.raises(UserError, match="pass the support along"):
        learner(tasks(2, queries=4, shape=(1, 4, 4)), NOW)


def test_embed_sees_no_query_labels_and_the_loss_sees_all() -> None:
    seen = []

    class Peeking(ProtoNet):
        def embed(self, tasks: Task) -> Task:
            seen.append(tasks.query.targets)
            return super().embed(tasks)

    batch = tasks(2)
    learner = Peeking(Network(SmoothBody(), 3), THREE).double()
    honest = ProtoNet(learner.model, THREE).double()
    close(learner(batch, NOW).detach(), honest(batch, NOW).detach())
    assert seen and all((targets == 0).all() for targets in seen)
    close(learner.embed(batch).query.targets, batch.query.targets)


@pytest.mark.parametrize(
    "name", algorithms_that(lambda learner: learner.adapts_by_steps and learner.fixed_ways)
)
def test_frozen_parameters_stay_still_in_the_inner_loop(name: str) -> None:
    model = Network(SmoothBody(), 3)
    for part in (model.head.bias, model.body.layers[1].weight):
        part.requires_grad_(False)
    learner = algorithm_around(model, THREE, name)
    before = {k: p.detach().clone() for k, p in model.named_parameters()}
    *_, adapted = learner.adapt(task_tools.only(tasks(1)).support, 2, NOW)
    after = learner.weights(adapted)
    moved = {k for k in before if not torch.equal(after[k], before[k])}
    patterns = getattr(learner, "adapted", ["*"])
    expected = {
        k
        for k, p in model.named_parameters()
        if p.requires_grad
        and any(fnmatchcase(k, pattern) for pattern in patterns)
        and not any(fnmatchcase(k, pattern[1:]) for pattern in patterns if pattern[0] == "!")
    }
    assert moved == expected and moved


class TiedToHead(nn.Module):
    """A head that shares its weight with a layer of the body, as in language models."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
        self.head = nn.Linear(3, 3)
        self.head.weight = self.body[0].weight

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.body(inputs))


@pytest.mark.parametrize("part", ["all", "head", "body"])
def test_a_tied_weight_is_one_parameter_under_all_its_names(part: str) -> None:
    model, task = TiedToHead().double(), task_tools.only(tasks(1))
    learner = MAML(model, THREE, 0.1, 2, adapted="*" if part == "all" else f"{part}.*")
    *_, adapted = learner.adapt(task.support, 2, NOW)
    kept = learner.weights(adapted)
    close(kept["head.weight"], kept["body.0.weight"])
    assert (kept["head.weight"] - model.head.weight).abs().max() > 1e-4
    fresh = TiedToHead().double()
    fresh.load_state_dict(kept)
    close(fresh(task.query.inputs), learner.predict(adapted, task.query.inputs))
    # By hand: plain gradient descent on the parameters that have a name in the part.
    twin = TiedToHead().double()
    twin.load_state_dict(model.state_dict())
    names = [n for n, _ in twin.named_parameters(remove_duplicate=False)]
    mine = [p for n, p in twin.named_parameters() if part == "all" or n.startswith(part)
            or (n == "body.0.weight" and f"{part}.weight" in names)]  # fmt: skip
    for _ in range(2):
        loss = nn.functional.cross_entropy(twin(task.support.inputs), task.support.targets)
        slopes = torch.autograd.grad(loss, mine)
        with torch.no_grad():
            for p, g in zip(mine, slopes, strict=True):
                p -= 0.1 * g
    close(twin(task.query.inputs), fresh(task.query.inputs))


def test_anil_adapts_a_tied_head_as_maml_does() -> None:
    model, batch = TiedToHead().double(), tasks(2)
    results = []
    for learner in (ANIL(model, THREE, 0.1, 2), MAML(model, THREE, 0.1, 2, adapted="head.*")):
        loss = learner(batch, NOW)
        results.append((loss.detach(), torch.autograd.grad(loss, list(model.parameters()))))
    close(results[0], results[1])
