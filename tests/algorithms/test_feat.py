"""FEAT against prototypical networks, PyTorch's attention and easyfsl, in float64."""

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, close, run, tasks
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.metric.feat import FEAT
from innerloop.errors import UserError
from innerloop.layers.set_transformer import SetTransformer
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task


def learner_with(*more: str) -> FEAT:
    learner = algorithm("feat", SmoothBody(), 3, False, *more)
    assert isinstance(learner, FEAT)
    return learner


def outputs(learner: FEAT, task: Task) -> Tensor:
    *_, (_, answers) = learner.trajectory(task, 0, NOW)
    return answers.detach()


def features(learner: FEAT, task: Task) -> tuple[Tensor, Tensor]:
    support, query = (learner.model.body(part.inputs).detach() for part in task)
    return support, query


@pytest.mark.parametrize("normalise", [True, False])
def test_a_transformer_of_zeros_makes_it_a_prototypical_network(normalise: bool) -> None:
    learner, task = learner_with(f"algorithm.normalise={normalise}"), task_tools.only(tasks(1))
    nn.init.zeros_(learner.transformer.gathered.weight)
    nn.init.zeros_(learner.transformer.gathered.bias)
    support, query = features(learner, task)
    means = torch.stack([support[task.support.targets == k].mean(0) for k in range(3)])
    if normalise:
        means = F.layer_norm(means, (4,))
    close(outputs(learner, task), -(torch.cdist(query, means) ** 2) / 64)
    if not normalise:
        protonet = algorithm("protonet")
        protonet.model.body = learner.model.body
        *_, (_, expected) = protonet.trajectory(task, 0, NOW)
        close(outputs(learner, task), expected.detach() / 64)


def test_the_transformer_equals_torchs_attention_within_each_set() -> None:
    transformer, members = SetTransformer(4).double(), torch.randn(6, 4).double()
    sets = torch.tensor([0, 1, 0, 2, 1, 0])
    adapted = transformer(members, sets[:, None] == sets)
    for k in range(3):
        own = members[sets == k]
        seen = F.scaled_dot_product_attention(
            transformer.query(own), transformer.key(own), transformer.value(own)
        )
        expected = F.layer_norm(own + transformer.gathered(seen), (4,))
        close(adapted[sets == k].detach(), expected.detach())


def test_the_contrastive_loss_equals_a_computation_class_by_class() -> None:
    batch = tasks(1, shots=2, queries=3)
    learner = learner_with("algorithm.contrast=0.7", "algorithm.contrast_temperature=3")
    every = torch.cat(features(learner, task_tools.only(batch)))
    targets = torch.cat([part.targets[0] for part in batch])
    centres = []
    for k in range(3):
        own = every[targets == k]
        centres.append(learner.transformer(own, torch.ones(5, 5).bool()).mean(0))
    contrast = F.cross_entropy(-(torch.cdist(every, torch.stack(centres)) ** 2) / 3, targets)
    plain = F.cross_entropy(outputs(learner, task_tools.only(batch)), batch.query.targets[0])
    loss, _ = run(learner, batch)
    close(loss, (plain + 0.7 * contrast).detach())
    assert contrast > 0.1


def test_outputs_equal_easyfsls_attention_module() -> None:
    modules = pytest.importorskip("easyfsl.modules")
    learner, task = learner_with(), task_tools.only(tasks(1))
    theirs = modules.MultiHeadAttention(1, 4, 4, 4).double().eval()
    pairs = (
        (theirs.w_qs, learner.transformer.query), (theirs.w_ks, learner.transformer.key),
        (theirs.w_vs, learner.transformer.value), (theirs.fc, learner.transformer.gathered),
    )  # fmt: skip
    for module, ours in pairs:
        module.load_state_dict(ours.state_dict())
    support, query = features(learner, task)
    means = torch.stack([support[task.support.targets == k].mean(0) for k in range(3)])
    adapted = theirs(means[None], means[None], means[None])[0][0].detach()
    close(outputs(learner, task), -(torch.cdist(query, adapted) ** 2) / 64)


def test_temperatures_that_are_not_positive_are_refused() -> None:
    with pytest.raises(UserError, match="above zero"):
        FEAT(Network(SmoothBody(), 3), Classification(3, 3), temperature=0.0)
