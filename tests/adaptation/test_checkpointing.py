"""Recomputed inner steps give the same meta-gradient and draw the same random numbers."""

from typing import Any

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, close, learners, tasks
from torch import Tensor, nn
from torch.func import vmap

from innerloop.adaptation import checkpointing
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD, Adam, Rule
from innerloop.engines.engine import Engine
from innerloop.errors import UserError


@pytest.mark.parametrize("norm", [None, "transductive", "support", "running"])
@pytest.mark.parametrize("name", learners())
def test_recomputing_inner_steps_leaves_the_meta_gradient_unchanged(
    name: str, norm: str | None
) -> None:
    learner = algorithm(name, SmoothConv(norm) if norm else SmoothBody())
    learner.steps = 3 * learner.adapts_by_steps
    batch = tasks(3, shape=(1, 4, 4) if norm else (3,))
    for chunk in (1, 2, None):
        expected = Engine(chunk).meta_gradient(learner, batch, NOW)
        close(Engine(chunk, checkpoint=True).meta_gradient(learner, batch, NOW), expected)


def pulled(parameters: Parameters, number: int, pull: Tensor) -> Tensor:
    return (parameters["w"] * pull).sin().sum() ** 2


@pytest.mark.parametrize("rule", [SGD(0.1), Adam(0.1)])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_gradients_flow_to_the_start_the_rate_and_the_given_values(
    rule: Rule, side_by_side: bool
) -> None:
    """By finite differences."""
    start, pulls, rate = torch.randn(3).double(), torch.randn(2, 3).double(), torch.rand(3).double()

    def end(start: Tensor, pulls: Tensor, rate: Tensor) -> Tensor:
        used = SGD({"w": rate}) if isinstance(rule, SGD) else rule

        def of_one(pull: Tensor) -> Tensor:
            *_, last = descend(pulled, {"w": start}, 3, used, given=(pull,))
            return last["w"]

        with checkpointing.wanted():
            return vmap(of_one)(pulls) if side_by_side else of_one(pulls[0])

    inputs = [x.requires_grad_() for x in (start, pulls, rate)]
    assert torch.autograd.gradcheck(end, inputs, rtol=1e-5)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_loss_that_captures_a_trained_tensor_is_refused(side_by_side: bool) -> None:
    start, trained = torch.ones(3).double(), torch.ones(3).double().requires_grad_()

    def end(shift: Tensor) -> Tensor:
        held = trained * shift

        def loss(parameters: Parameters, number: int) -> Tensor:
            return (parameters["w"] * held).sum() ** 2

        *_, last = descend(loss, {"w": start}, 1, SGD(0.1))
        return last["w"]

    shifts = torch.randn(2, 3).double()
    with checkpointing.wanted(), pytest.raises(UserError, match="as `given`"):
        vmap(end)(shifts) if side_by_side else end(shifts[0])


class Dropping(nn.Module):
    """Dropout that records its masks."""

    def __init__(self) -> None:
        super().__init__()
        self.masks: list[Any] = []

    def forward(self, inputs: Tensor) -> Tensor:
        mask = torch.bernoulli(torch.full(inputs.shape, 0.5, dtype=inputs.dtype))
        self.masks.append(mask.tolist())
        return inputs * mask


def test_recomputed_steps_draw_the_same_random_numbers() -> None:
    drop, start = Dropping(), torch.randn(8).double().requires_grad_()

    def loss(parameters: Parameters, number: int) -> Tensor:
        return drop(parameters["w"]).sin().sum() ** 2

    with checkpointing.wanted():
        *_, last = descend(loss, {"w": start}, 2, SGD(0.1))
    state = torch.get_rng_state()
    torch.autograd.grad(last["w"].sum(), start)
    first, second, *again = drop.masks
    assert again == [second, first] and first != second
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_steps_are_computed_again_in_the_precision_of_the_first_time(checkpoint: bool) -> None:
    """Also where the backward pass runs without autocast, as in a thread of its own on a GPU."""
    precisions: list[torch.dtype] = []

    def loss(parameters: Parameters, number: int, inputs: Tensor) -> Tensor:
        outputs = inputs @ parameters["w"]
        precisions.append(outputs.dtype)
        return outputs.float().square().sum()

    start, inputs = torch.randn(3, 2, requires_grad=True), torch.randn(4, 3)
    with torch.autocast("cpu", torch.bfloat16), checkpointing.wanted(checkpoint):
        *_, last = descend(loss, {"w": start}, 2, SGD(0.01), given=(inputs,))
    torch.autograd.grad(last["w"].sum(), start)
    assert set(precisions) == {torch.bfloat16} and len(precisions) >= (4 if checkpoint else 2)
