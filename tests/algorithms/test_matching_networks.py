"""Matching networks against attention by hand, PyTorch's LSTM and easyfsl, in float64."""

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, along, close, direction, run, slope, tasks
from padding import narrowed, padded, single
from torch import Tensor, nn
from torch.nn import functional as F

from innerloop import tasks as task_tools
from innerloop.algorithms.metric.full_context import FullContext
from innerloop.algorithms.metric.matching_networks import MatchingNetworks
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers.lstm import LSTMCell
from innerloop.models.network import Network
from innerloop.objectives import Classification
from innerloop.tasks import Task


def learner_with(*more: str) -> MatchingNetworks:
    learner = algorithm("matching_networks", SmoothBody(), 3, False, *more)
    assert isinstance(learner, MatchingNetworks)
    return learner


def outputs(learner: MatchingNetworks, task: Task) -> Tensor:
    *_, (_, answers) = learner.trajectory(task, 0, NOW)
    return answers


def test_probabilities_are_the_softmax_attention_to_each_class() -> None:
    learner, task = learner_with("algorithm.temperature=0.3"), task_tools.only(tasks(1, shots=4))
    support, query = (learner.model.body(part.inputs) for part in task)
    expected = torch.zeros(6, 3).double()
    for row, feature in enumerate(query):
        cosines = torch.stack([feature @ x / feature.norm() / x.norm() for x in support])
        attention = (cosines / 0.3).exp() / (cosines / 0.3).exp().sum()
        for share, label in zip(attention, task.support.targets, strict=True):
            expected[row, label] += share
    close(outputs(learner, task).softmax(1), expected)


def copied(lstm: LSTMCell, theirs: nn.LSTM | nn.LSTMCell, ending: str) -> None:
    """Gives PyTorch's module, which has two biases, the parameters of ours."""
    of_input = lstm.weight.shape[1] - lstm.width
    with torch.no_grad():
        getattr(theirs, f"weight_ih{ending}").copy_(lstm.weight[:, :of_input])
        getattr(theirs, f"weight_hh{ending}").copy_(lstm.weight[:, of_input:])
        getattr(theirs, f"bias_ih{ending}").copy_(lstm.bias)
        getattr(theirs, f"bias_hh{ending}").zero_()


def test_the_context_of_a_support_equals_torchs_bidirectional_lstm() -> None:
    context, theirs = FullContext(4, 2).double(), nn.LSTM(4, 4, bidirectional=True).double()
    copied(context.forwards, theirs, "_l0")
    copied(context.backwards, theirs, "_l0_reverse")
    features, real = torch.randn(7, 4).double(), torch.tensor([1, 1, 0, 1, 0, 1, 1]).bool()
    read = theirs(features[real])[0]
    expected = features[real] + read[:, :4] + read[:, 4:]
    close(context.of_support(features, real)[real], expected.detach())


def test_the_context_of_queries_equals_torchs_lstm_cell() -> None:
    context, cell = FullContext(4, 3).double(), nn.LSTMCell(8, 4).double()
    copied(context.query, cell, "")
    query, support = torch.randn(5, 4).double(), torch.randn(6, 4).double()
    h, c = query, torch.zeros_like(query)
    for _ in range(3):
        seen = (h @ support.T).softmax(1) @ support
        h, c = cell(torch.cat([query, seen], 1), (h, c))
        h = h + query
    close(context.of_queries(query, support, torch.eye(6).double()), h.detach())


def test_with_full_context_the_order_of_the_support_matters_and_the_gradient_is_exact() -> None:
    learner, batch = learner_with("algorithm.full_context=true"), tasks(2)
    assert learner.shuffling_changes
    _, gradient = run(learner, batch)
    way = direction(learner)
    assert along(gradient, way) == pytest.approx(slope(learner, batch, way), rel=1e-6)
    assert all(g.abs().max() > 0 for g in gradient.values())
    task, order = task_tools.only(tasks(1)), torch.tensor([5, 4, 3, 2, 1, 0])
    turned = Task(type(task.support)(*(part[order] for part in task.support)), task.query)
    assert (outputs(learner, turned) - outputs(learner, task)).abs().max() > 1e-6


def test_with_full_context_padding_changes_nothing() -> None:
    learner = learner_with("algorithm.full_context=true")
    singles = [single(*size, (3,)) for size in ((3, 2, 2), (3, 4, 1), (2, 3, 3))]
    losses = [
        run(narrowed(learner, int(t.support.targets.max()) + 1), task_tools.alone(t))[0]
        for t in singles
    ]
    loss, _ = Engine().meta_gradient(learner, padded(singles), NOW)
    close(loss, torch.stack(losses).mean())


def test_predictions_equal_easyfsls_without_context() -> None:
    """Their queries are not normalised: unit queries, times the temperature, make up for it."""
    methods = pytest.importorskip("easyfsl.methods")
    learner = learner_with("algorithm.temperature=0.2")
    task = task_tools.only(tasks(1))
    support, query = (learner.model.body(part.inputs).detach() for part in task)
    theirs = methods.MatchingNetworks(nn.Identity(), feature_dimension=4)
    theirs.contextualized_support_features = support
    theirs.one_hot_support_labels = F.one_hot(task.support.targets).double()
    theirs.encode_query_features = lambda x: F.normalize(x) / 0.2
    close(outputs(learner, task).softmax(1).detach(), theirs(query).exp() - 1e-6)


@pytest.mark.parametrize("more", [{"temperature": 0.0}, {"full_context": True, "reads": 0}])
def test_settings_without_a_meaning_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(UserError, match="above zero|1 or more"):
        MatchingNetworks(Network(SmoothBody(), 3), Classification(3, 3), **more)  # type: ignore[arg-type]
