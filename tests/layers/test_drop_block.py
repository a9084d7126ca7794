"""DropBlock drops as often as the probabilities of its squares say, side by side as well."""

import pytest
import torch
from torch import nn

from innerloop.engines.float64_copy import without_dropout
from innerloop.layers.drop_block import DropBlock


def kept_by_chance(p: float, size: int, side: int) -> torch.Tensor:
    """The probability that no square covers a place, by counting the corners that would."""
    gamma = p / size**2 * side**2 / (side - size + 1) ** 2
    covering = torch.zeros(side, side)
    for row in range(side - size + 1):
        for column in range(side - size + 1):
            covering[row : row + size, column : column + size] += 1
    return (1 - gamma) ** covering


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize(("size", "side"), [(1, 4), (3, 6), (5, 5)])
def test_each_place_is_kept_as_often_as_its_squares_say(size: int, side: int, many: bool) -> None:
    layer, maps = DropBlock(0.2, size), torch.ones(20, 500, side, side)
    if many:
        tasks = maps.unflatten(0, (4, 5))
        kept = torch.vmap(layer, randomness="different")(tasks).flatten(0, 1) > 0
        assert not torch.equal(kept[:5], kept[5:10])
    else:
        kept = layer(maps) > 0
    expected = kept_by_chance(0.2, size, side)
    error = (expected * (1 - expected) / 10_000).sqrt()
    assert ((kept.float().mean((0, 1)) - expected).abs() < 5 * error).all()


def test_what_is_dropped_are_squares_and_the_rest_keeps_the_mean() -> None:
    outputs = DropBlock(0.3, 2)(torch.ones(50, 8, 5, 5))
    torch.testing.assert_close(outputs.mean((1, 2, 3)), torch.ones(50))
    dropped = (outputs == 0).float()
    squares = nn.functional.avg_pool2d(dropped, 2, stride=1) == 1
    covered = nn.functional.max_pool2d(nn.functional.pad(squares.float(), [1] * 4), 2, stride=1)
    assert torch.equal(covered, dropped) and 0.1 < dropped.mean() < 0.5


def test_a_test_and_the_comparison_of_engines_drop_nothing() -> None:
    layer, maps = DropBlock(0.5, 3), torch.randn(4, 2, 6, 6)
    with without_dropout(layer):
        assert torch.equal(layer(maps), maps)
    assert not torch.equal(layer(maps), maps)
    assert torch.equal(layer.eval()(maps), maps)


def test_a_map_that_is_dropped_as_a_whole_is_zero() -> None:
    assert torch.equal(DropBlock(1.0, 5)(torch.ones(2, 1, 3, 3)), torch.zeros(2, 1, 3, 3))
