"""Pooling early gives the same outputs and derivatives as the four layers in their usual order."""

import copy

import pytest
import torch
from helpers import NOW, algorithm, close, run, tasks
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from innerloop.engines.engine import Engine
from innerloop.engines.learn2learn import Learn2LearnEngine
from innerloop.layers import early_pooling, layout, norm
from innerloop.layers.early_pooling import Pooled, PoolingBlock
from innerloop.models.conv4 import Conv4

SHAPE = (1, 17, 19)  # odd, so that pooling drops rows


def block(mode: str = "transductive") -> PoolingBlock:
    """A block whose scales have both signs."""
    block = PoolingBlock(nn.Conv2d(2, 4, 3, padding=1), norm.TaskNorm(4, mode)).double()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.normal_()
        block[1].weight.copy_(torch.tensor([1.5, -0.7, 0.3, -2.0]))
    return block


def images(rows: int = 3) -> torch.Tensor:
    return torch.randn(rows, 2, 7, 6, dtype=torch.float64)


@pytest.mark.parametrize("mode", norm.MODES)
@pytest.mark.parametrize("training", [True, False])
def test_early_pooling_equals_the_four_layers_in_order(mode: str, training: bool) -> None:
    pooling, x = block(mode).train(training), images()
    plain = nn.Sequential(*copy.deepcopy(pooling))
    with early_pooling.allowed():
        actual = pooling(x)
    close(actual, plain(x))
    assert 0 < (actual == 0).double().mean() < 0.9
    weights = torch.randn_like(actual)
    for ours, theirs in zip(
        torch.autograd.grad((actual * weights).sum(), list(pooling.parameters())),
        torch.autograd.grad((plain(x) * weights).sum(), list(plain.parameters())),
        strict=True,
    ):
        close(ours, theirs)


def test_support_statistics_serve_the_queries() -> None:
    pooling, x = block("support"), images(5)
    plain = nn.Sequential(*copy.deepcopy(pooling))
    with layout.grouped(1, 2, 5):
        expected = plain(x)
        with early_pooling.allowed():
            actual = pooling(x)
    close(actual, expected)
    assert (expected - plain(x)).abs().max() > 1e-3


def test_derivatives_up_to_third_order_equal_finite_differences() -> None:
    x = torch.randn(2, 2, 4, 5, dtype=torch.float64, requires_grad=True)

    def maxima_mean_variance(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return Pooled.apply(x)[:3]

    def slope(x: torch.Tensor) -> torch.Tensor:
        total = sum((part**2).sum() for part in maxima_mean_variance(x))
        return torch.autograd.grad(total, x, create_graph=True)[0]

    assert gradcheck(maxima_mean_variance, x)
    assert gradgradcheck(maxima_mean_variance, x)
    assert gradgradcheck(slope, x)


@pytest.mark.parametrize("chunk", [1, 2, None])
@pytest.mark.parametrize("mode", norm.MODES)
def test_the_engines_meta_gradient_equals_that_of_plain_layers(
    mode: str, chunk: int | None
) -> None:
    learner, batch = algorithm("maml", Conv4(SHAPE, 3, mode)), tasks(3, shape=SHAPE)
    with torch.no_grad():
        for name, parameter in learner.named_parameters():
            if name.endswith("1.weight"):
                parameter.copy_(torch.tensor([1.0, -0.5, 2.0]))
    expected_loss, expected = run(learner, batch)
    loss, gradient = Engine(chunk).meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected, rtol=1e-8, atol=1e-10)
    assert max(g.abs().max() for g in expected.values()) > 1e-2
    _, by_library = Learn2LearnEngine(learner).meta_gradient(learner, batch, NOW)
    close(gradient, by_library, rtol=1e-8, atol=1e-10)


def test_early_pooling_is_used_only_where_allowed() -> None:
    pooling, seen = block(), []
    pooling[2].register_forward_hook(lambda module, inputs, output: seen.append(output.shape[-1]))
    pooling(images())
    with early_pooling.allowed():
        pooling(images())
    pooling(images())
    assert seen == [6, 3, 6]  # the width of ReLU's input
