"""PyTorch's layers that are replaced: the same outputs, and right gradients under vmap."""

import copy

import pytest
import torch
from helpers import close
from torch import nn

from innerloop.layers.adopt import adopt, batch_norms
from innerloop.layers.norm import TaskNorm
from innerloop.layers.padded_embedding import PaddedEmbedding


def trained(layer: nn.BatchNorm2d) -> nn.Sequential:
    """A model whose batch norm has seen a few batches."""
    model = nn.Sequential(nn.Conv2d(1, 3, 3), layer).double()
    for _ in range(3):
        model(1 + 2 * torch.randn(4, 1, 5, 5, dtype=torch.float64))
    return model


@pytest.mark.parametrize("options", [{}, {"eps": 0.1}, {"affine": False}, {"momentum": 0.3}])
@pytest.mark.parametrize("training", [True, False])
def test_an_adopted_batch_norm_gives_the_same_outputs(
    options: dict[str, float], training: bool
) -> None:
    before = trained(nn.BatchNorm2d(3, **options)).train(training)
    after = adopt(copy.deepcopy(before))
    assert isinstance(after[1], TaskNorm) and after[1].mode == "running"
    x = torch.randn(4, 1, 5, 5, dtype=torch.float64)
    close(after(x), before(x))
    names = {k for k, p in before.named_parameters() if p.requires_grad}
    assert {k for k, p in after.named_parameters() if p.requires_grad} == names


def test_an_explicit_norm_mode_replaces_every_batch_norm() -> None:
    model = trained(nn.BatchNorm2d(3))
    assert batch_norms(model) == ["1"]
    weight = model[1].weight
    adopt(model, "support")
    assert model[1].mode == "support" and model[1].weight is weight and batch_norms(model) == []


def test_batch_norm_without_running_averages_becomes_transductive() -> None:
    model = adopt(nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False)))
    assert model[0].mode == "transductive"


def test_the_padding_row_of_an_embedding_gets_no_gradient_under_vmap() -> None:
    model = adopt(nn.Sequential(nn.Embedding(5, 2, padding_idx=1))).double()
    assert isinstance(model[0], PaddedEmbedding)
    words = torch.tensor([[0, 1, 1], [1, 4, 0]])

    def loss(weight: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(model, {"0.weight": weight}, (row,)).sin().sum()

    weights = torch.randn(2, 5, 2, dtype=torch.float64)  # different weights for each task
    actual = torch.vmap(torch.func.grad(loss))(weights, words)
    expected = torch.zeros_like(weights)
    for task, row in enumerate(words.tolist()):
        for word in row:
            expected[task, word] += weights[task, word].cos() * (word != 1)
    close(actual, expected)
    assert actual[:, 1].abs().max() == 0 and actual.abs().max() > 0
