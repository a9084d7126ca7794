"""Backbones against the same networks built by hand."""

import math

import pytest
import torch
from torch import nn

from innerloop.errors import UserError
from innerloop.layers.maps import as_maps, map_shape
from innerloop.models.conv4 import Conv4
from innerloop.models.mlp import MLP
from innerloop.models.network import Network


@pytest.mark.parametrize(
    ("shape", "filters", "pool", "width"),
    [((1, 28, 28), 64, "max", 64), ((1, 28, 28), 64, "stride", 256), ((3, 84, 84), 32, "max", 800)],
)
def test_feature_width_of_conv4(
    shape: tuple[int, ...], filters: int, pool: str, width: int
) -> None:
    body = Conv4(shape, filters, pool=pool)
    assert body.width == width
    assert body(torch.randn(3, *shape)).shape == (3, width)
    assert Network(body, 5)(torch.randn(3, *shape)).shape == (3, 5)
    assert math.prod(map_shape(body)) == width


def test_features_are_flattened_maps_or_one_place() -> None:
    body, images = Conv4((1, 32, 48), 4), torch.randn(2, 1, 32, 48)
    torch.testing.assert_close(as_maps(body(images), map_shape(body)), body.blocks(images))
    assert map_shape(body) == (4, 2, 3)
    assert map_shape(Conv4((1, 32, 48), 4, average=True)) == map_shape(MLP([3], [4])) == (4, 1, 1)


@pytest.mark.parametrize("pool", ["max", "stride"])
def test_conv4_is_four_blocks_of_convolution_norm_relu_and_pooling(pool: str) -> None:
    body, layers = Conv4((3, 20, 20), 8, pool=pool).double(), []
    for channels in (3, 8, 8, 8):
        convolution = nn.Conv2d(channels, 8, 3, stride=2 if pool == "stride" else 1, padding=1)
        layers += [convolution, nn.BatchNorm2d(8), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool == "max" else []
    reference = nn.Sequential(*layers, nn.Flatten()).double()
    with torch.no_grad():
        for ours, theirs in zip(body.parameters(), reference.parameters(), strict=True):
            theirs.copy_(ours.normal_())
    images = torch.randn(4, 3, 20, 20, dtype=torch.float64)
    torch.testing.assert_close(body(images), reference(images), rtol=1e-10, atol=1e-12)
    assert body(images).std() > 0.1


@pytest.mark.parametrize("pool", ["max", "stride"])
@pytest.mark.parametrize(("pools", "side"), [(0, 20), (1, 10), (2, 5)])
def test_later_blocks_of_conv4_keep_the_size_of_the_image(pool: str, pools: int, side: int) -> None:
    body, images = Conv4((1, 20, 20), 4, pool=pool, pools=pools), torch.randn(2, 1, 20, 20)
    assert map_shape(body) == (4, side, side)
    maps = images
    for number, block in enumerate(body.blocks):
        weight, bias = block.convolution.weight, block.convolution.bias
        stride = 2 if pool == "stride" and number < pools else 1
        maps = nn.functional.conv2d(maps, weight, bias, padding=1, stride=stride)
        maps = nn.functional.batch_norm(maps, None, None, training=True).relu()
        maps = nn.functional.max_pool2d(maps, 2) if pool == "max" and number < pools else maps
    torch.testing.assert_close(body(images), maps.flatten(1), rtol=1e-4, atol=1e-5)


def test_conv4_halves_an_image_in_its_four_blocks_at_most() -> None:
    with pytest.raises(UserError, match="pools=5: 0 to 4 of its 4 blocks"):
        Conv4((1, 32, 32), pools=5)


def test_a_network_is_a_linear_head_on_a_body() -> None:
    network, x = Network(MLP([2, 3], [7]), 4), torch.randn(5, 2, 3)
    head = network.head
    assert (head.in_features, head.out_features) == (7, 4)
    torch.testing.assert_close(network(x), network.body(x) @ head.weight.T + head.bias)


def test_mlp_alternates_linear_and_relu() -> None:
    body, x = MLP([1], [40, 40]), torch.randn(6, 1)
    first, second = (m for m in body.modules() if isinstance(m, nn.Linear))
    torch.testing.assert_close(body(x), torch.relu(second(torch.relu(first(x)))))
    assert (first.weight.shape, second.weight.shape) == ((40, 1), (40, 40))


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(UserError, match="choose max or stride"):
        Conv4((1, 28, 28), pool="mean")
