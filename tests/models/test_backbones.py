"""Backbones against other libraries' with the same weights, in float64."""

import pytest
import torch
from helpers import close
from learn2learn.vision import models as theirs
from torch import Tensor, nn

from innerloop.errors import UserError
from innerloop.layers.maps import as_maps, map_shape
from innerloop.models.resnet12 import NARROW, ResNet12


def take_over(ours: nn.Module, reference: nn.Module) -> None:
    """Gives the reference our parameters, in their order, after making them all random."""
    with torch.no_grad():
        for own, other in zip(ours.parameters(), reference.parameters(), strict=True):
            assert own.shape == other.shape
            other.copy_(own.normal_(std=0.1))


def millions(model: nn.Module) -> float:
    return round(sum(p.numel() for p in model.parameters()) / 1e6, 1)


def images(size: int, number: int = 3, channels: int = 3) -> Tensor:
    return torch.randn(number, channels, size, size, dtype=torch.float64)


@pytest.mark.parametrize("wider", [True, False])
def test_resnet12_equals_learn2learns(wider: bool) -> None:
    ours = ResNet12((3, 80, 80), **({} if wider else {"filters": NARROW})).double()
    reference = theirs.resnet12.ResNet12Backbone(wider=wider, dropblock_dropout=0.0).double()
    take_over(ours, reference)
    x = images(80, 2)
    close(ours(x).detach(), reference(x).detach())
    assert millions(ours) == (12.4 if wider else 8.0)


def test_resnet12_flattens_its_maps_or_averages_them() -> None:
    body, x = ResNet12((1, 40, 33), NARROW, average=False), torch.randn(2, 1, 40, 33)
    assert map_shape(body) == (512, 2, 2) and body.width == 2048
    torch.testing.assert_close(as_maps(body(x), map_shape(body)), body.blocks(x))
    body.average = True
    torch.testing.assert_close(body(x), body.blocks(x).mean((2, 3)))


def test_resnet12_drops_in_training_alone() -> None:
    body, x = ResNet12((1, 28, 28), NARROW, drop=0.2), torch.randn(2, 1, 28, 28)
    assert not torch.equal(body(x), body(x))
    body.eval()
    assert torch.equal(body(x), body(x))


def test_small_images_and_other_inputs_are_refused() -> None:
    with pytest.raises(UserError, match="takes images"):
        ResNet12((3,))
    with pytest.raises(UserError, match="needs 16x16"):
        ResNet12((3, 15, 84))
