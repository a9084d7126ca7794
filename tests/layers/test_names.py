"""A module under two names is refused: `functional_call` would take its parameters away."""

import pytest
import torch
from helpers import NOW, SmoothBody, algorithm, kind, learners, tasks
from torch import nn

from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers import names


class Twice(SmoothBody):
    def __init__(self) -> None:
        super().__init__()
        self.again = self.layers


def test_a_layer_with_two_names_is_refused_before_training() -> None:
    with pytest.raises(UserError, match=r"layers\.1 and .*again\.1 are one Linear"):
        Engine().meta_gradient(algorithm("maml", Twice()), tasks(), NOW)


def test_shared_weights_and_layers_without_parameters_are_no_fault() -> None:
    one, other, relu = nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU()
    other.weight = one.weight
    names.check(nn.Sequential(one, relu, other, relu))


@pytest.mark.parametrize("name", learners())
def test_our_learners_have_one_name_for_each_module(name: str) -> None:
    names.check(algorithm(name, regression=not kind(name).needs_classes))


def test_what_is_refused_would_lose_its_parameters() -> None:
    """The reason, in PyTorch itself: if this fails, the refusal can go."""
    model = nn.Module()
    model.one = model.two = nn.Linear(1, 1)
    model.forward = lambda x: model.two(x)
    before = model.one.weight
    values = {"one.weight": torch.ones(1, 1), "one.bias": torch.zeros(1)}
    torch.func.functional_call(model, values, (torch.ones(1, 1),))
    assert model.one.weight is not before
