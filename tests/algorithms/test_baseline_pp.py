"""Baseline++'s head against PyTorch's weight norm and SGD, in float64."""

import pytest
import torch
from helpers import NOW, algorithm, close, tasks
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from innerloop import tasks as task_tools
from innerloop.layers.cosine_head import CosineHead
from innerloop.tasks import Examples


def reference(head: CosineHead) -> nn.Module:
    """PyTorch's linear layer with weight norm and the same weights, without a scale."""
    layer = weight_norm(nn.Linear(head.in_features, head.out_features, bias=False).double())
    with torch.no_grad():
        layer.parametrizations.weight.original0.copy_(head.lengths[:, None])
        layer.parametrizations.weight.original1.copy_(head.weight)
    return layer


@pytest.mark.parametrize(("classes", "scale", "expected"), [(200, None, 2), (201, None, 10),
                                                            (5, 4.0, 4)])  # fmt: skip
def test_outputs_are_those_of_weight_norm_times_the_scale(
    classes: int, scale: float | None, expected: float
) -> None:
    head, features = CosineHead(4, classes, scale).double(), torch.randn(6, 4).double()
    with torch.no_grad():
        head.lengths.uniform_(0.5, 2)
    close(head(features), expected * reference(head)(F.normalize(features, dim=1)))
    fresh = nn.Linear(4, classes, bias=False)
    new = CosineHead(4, classes, 1.0)
    new.load_state_dict({"weight": fresh.weight, "lengths": fresh.weight.norm(dim=1)})
    unit = F.normalize(features.float(), dim=1)  # at the start, weight norm changes no output
    torch.testing.assert_close(new(unit), fresh(unit))


def test_fitting_a_head_equals_torchs_sgd() -> None:
    learner = algorithm("baseline_pp", None, 3, False, "algorithm.rate=0.1").eval()
    support = task_tools.only(tasks(1, shots=5)).support
    features, targets = learner.model.body(support.inputs).detach(), support.targets
    path = list(learner.adapt(Examples(features, targets), 50, NOW))
    head = CosineHead(4, 3).double()
    head.load_state_dict(path[0])
    layer = reference(head)
    sgd = torch.optim.SGD(layer.parameters(), lr=0.1, weight_decay=learner.decay)
    for _ in range(50):
        sgd.zero_grad()
        F.cross_entropy(2 * layer(F.normalize(features, dim=1)), targets).backward()
        sgd.step()
    actual, weights = path[50], layer.parametrizations.weight
    close(actual["lengths"], weights.original0[:, 0].detach())
    close(actual["weight"], weights.original1.detach())
    assert (actual["lengths"] - 1).abs().max() > 0.05


def test_the_length_of_features_does_not_matter() -> None:
    learner = algorithm("baseline_pp").eval()
    head, features = dict(learner.head.named_parameters()), torch.randn(5, 4).double()
    longer = features * torch.rand(5, 1).double()
    close(learner.predict(head, longer), learner.predict(head, features))
