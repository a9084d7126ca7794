"""easyfsl's methods give the same predictions from the same features, in float64.

Its BD-CSPN and LaplacianShot are in `test_transductive.py`, and its matching networks in
`test_matching_networks.py`.
"""

from typing import Any

import pytest
import torch
from helpers import MapBody, algorithm, algorithm_around, answers, close, tasks
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.models.identity import Identity
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Examples, Task, without_support

WAYS, WIDTH = 4, 6


@pytest.fixture
def methods() -> Any:
    return pytest.importorskip("easyfsl.methods")


@pytest.fixture
def batch() -> Task:
    return tasks(1, ways=WAYS, shots=3, queries=8, shape=(WIDTH,))


def head(name: str, *more: str) -> Algorithm:
    """The algorithm on features that are its inputs."""
    model = Network(Identity([WIDTH]), WAYS)
    return algorithm_around(model, Classification(WAYS, WAYS), name, *more).eval()


def asked(method: Any, batch: Task) -> Tensor:
    """What a method of easyfsl answers to the queries of the only task."""
    support, query = task_tools.only(batch)
    method.process_support_set(support.inputs, support.targets)
    return method(query.inputs).detach()


def test_prototypical_networks(methods: Any, batch: Task) -> None:
    """Their scores are distances, ours are squared."""
    theirs = asked(methods.PrototypicalNetworks(nn.Identity()), batch)
    close(answers(head("protonet"), batch), -(theirs**2))


def test_their_simpleshot_is_the_nearest_centroid_by_cosine(methods: Any, batch: Task) -> None:
    theirs = asked(methods.SimpleShot(nn.Identity()), batch)
    close(answers(head("centroid", "algorithm.scale=1.0"), batch), theirs)


def test_centred_unit_features_are_our_simpleshot(methods: Any, batch: Task) -> None:
    training, learner = torch.randn(50, WIDTH, dtype=torch.float64), head("simpleshot")
    targets = torch.zeros(1, 50, dtype=torch.long)
    learner.measure([without_support(Examples(training[None], targets))])
    theirs = methods.PrototypicalNetworks(
        nn.Identity(), feature_centering=training.mean(0), feature_normalization=2.0
    )
    close(answers(learner, batch), -(asked(theirs, batch) ** 2))


def test_feat(methods: Any, batch: Task) -> None:
    attention = pytest.importorskip("easyfsl.modules").MultiHeadAttention
    module, learner = attention(1, WIDTH, WIDTH, WIDTH).double().eval(), head("feat")
    own = learner.get_submodule("transformer")
    pairs = {"w_qs": "query", "w_ks": "key", "w_vs": "value", "fc": "gathered"}
    for name, ours in pairs.items():
        module.get_submodule(name).load_state_dict(own.get_submodule(ours).state_dict())
    theirs = asked(methods.FEAT(nn.Identity(), attention_module=module), batch)
    close(answers(learner, batch), -(theirs**2) / 64)


class Compared(nn.Module):
    """A relation module of ours, as easyfsl calls one: on a prototype's and a query's channels."""

    def __init__(self, relation: nn.Module) -> None:
        super().__init__()
        self.relation = relation

    def forward(self, pairs: Tensor) -> Tensor:
        return self.relation(*pairs.chunk(2, 1))


class Maps(nn.Module):
    """A body whose features are maps."""

    def __init__(self, body: MapBody) -> None:
        super().__init__()
        self.body = body

    def forward(self, inputs: Tensor) -> Tensor:
        return self.body(inputs).unflatten(1, MapBody.map_shape)


def test_relation_networks(methods: Any) -> None:
    body, batch = MapBody(), tasks(1, shots=2, queries=4)
    learner = algorithm("relation_net", body).eval()
    relation = Compared(learner.get_submodule("relation"))
    theirs = methods.RelationNetworks(
        Maps(body), feature_dimension=2, relation_module=relation
    ).double()
    close(answers(learner, batch), asked(theirs, batch))


# The descents of easyfsl move prototypes by their angles, or by distances that are not squared, and
# ours as the papers do: on unit features of clear tasks they must decide alike.


def clear(batch: Task) -> Task:
    """The tasks with classes further apart, each along an axis of its own."""
    axes = 4 * torch.eye(WAYS, WIDTH, dtype=torch.float64)
    return Task(*(part._replace(inputs=part.inputs + axes[part.targets]) for part in batch))


@pytest.mark.parametrize(
    ("name", "method", "settings"),
    [
        ("tim", "TIM", {"fine_tuning_steps": 100, "fine_tuning_lr": 0.001}),
        ("transductive_finetuning", "TransductiveFinetuning", {"temperature": 10.0}),
        ("baseline_pp", "Finetune", {"temperature": 10.0}),
    ],
)
def test_descending_methods_decide_as_theirs(
    methods: Any, name: str, method: str, settings: dict[str, float]
) -> None:
    batch = clear(tasks(40, ways=WAYS, shots=3, queries=8, shape=(WIDTH,)))
    alike, right = [], []
    for number in range(40):
        single = task_tools.part(batch, number, number + 1)
        theirs = getattr(methods, method)(nn.Identity(), feature_normalization=2.0, **settings)
        decided = answers(head(name), single).argmax(1)
        alike.append(decided == asked(theirs, single).argmax(1))
        right.append(decided == single.query.targets[0])
    assert torch.cat(alike).double().mean() > 0.98
    assert torch.cat(right).double().mean() < 0.999  # some are hard, and answered alike
