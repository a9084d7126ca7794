"""Mixed mode gives the unrolled meta-gradient and keeps nothing of a step but its parameters."""

from typing import Any

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, algorithms_that, tasks
from padding import padded, single
from torch import Tensor
from torch.func import vmap

from innerloop.adaptation import checkpointing
from innerloop.adaptation.descent import descend
from innerloop.adaptation.gradients import Parameters
from innerloop.adaptation.rules import SGD, Adam, Rule
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.choose import choose
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.models.conv4 import Conv4
from innerloop.models.mlp import MLP
from innerloop.tasks import Task


def exact() -> list[str]:
    """The algorithms that declare mixed mode."""
    return algorithms_that(lambda learner: learner.mixed_mode)


@pytest.mark.parametrize("norm", [None, "transductive", "support", "running"])
@pytest.mark.parametrize("chunk", [1, None])
@pytest.mark.parametrize("name", exact())
def test_mixed_mode_leaves_the_meta_gradient_unchanged(
    name: str, chunk: int | None, norm: str | None
) -> None:
    learner = algorithm(name, SmoothConv(norm) if norm else SmoothBody())
    learner.steps = 3
    batch = tasks(3, shape=(1, 4, 4) if norm else (3,))
    same(learner, batch, chunk)


def same(learner: Algorithm, batch: Task, chunk: int | None) -> None:
    """Mixed mode against unrolled steps, one task at a time."""
    loss, expected = Engine(1).meta_gradient(learner, batch, NOW)
    mixed_loss, actual = Engine(chunk, checkpoint="mixed").meta_gradient(learner, batch, NOW)
    torch.testing.assert_close(mixed_loss, loss, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("chunk", [1, None])
@pytest.mark.parametrize("name", ["maml", "anil", "boil", "meta_sgd"])
def test_with_relu_and_max_pooling(name: str, chunk: int | None) -> None:
    learner = algorithm(name, Conv4((1, 16, 16), filters=4))
    learner.steps = 3
    same(learner, tasks(2, shape=(1, 16, 16)), chunk)


@pytest.mark.parametrize("chunk", [1, None])
@pytest.mark.parametrize("norm", ["transductive", "running"])
def test_with_tasks_of_unequal_size(norm: str, chunk: int | None) -> None:
    learner = algorithm("maml", SmoothConv(norm))
    learner.steps = 3
    same(learner, padded([single(ways, 1, 2, (1, 4, 4)) for ways in (2, 3)]), chunk)


def test_with_batch_norm_that_is_fixed() -> None:
    learner = algorithm("maml", SmoothConv("running")).eval()
    learner.steps = 3
    same(learner, tasks(2, shape=(1, 4, 4)), 1)


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

        with checkpointing.wanted("mixed"):
            return vmap(of_one)(pulls) if side_by_side else of_one(pulls[0])

    inputs = [x.requires_grad_() for x in (start, pulls, rate)]
    assert torch.autograd.gradcheck(end, inputs, rtol=1e-5)


def kept(steps: int, how: checkpointing.Checkpoint) -> int:
    """Numbers that the graph of a descent keeps; each tensor counts once."""
    start, pull = torch.randn(50).double().requires_grad_(), torch.randn(400, 50).double()
    with checkpointing.wanted(how):
        *_, last = descend(pulled, {"w": start}, steps, SGD(0.1), given=(pull,))
    saved = [value for node in graph(last["w"]) for value in saved_by(node)]
    return sum({tensor.data_ptr(): tensor.numel() for tensor in saved}.values())


def graph(end: Tensor) -> set[Any]:
    """All nodes that lead to a tensor."""
    open_nodes, seen = [end.grad_fn], set()
    while open_nodes:
        node = open_nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            open_nodes += [before for before, _ in node.next_functions]
    return seen


def saved_by(node: Any) -> list[Tensor]:
    """What a node keeps. PyTorch refuses hooks of saved tensors around a `torch.func.grad`."""
    of_builtin = [getattr(node, name) for name in dir(node) if name.startswith("_saved_")]
    values = [*of_builtin, *getattr(node, "saved_tensors", ())]
    return [value for value in values if isinstance(value, Tensor)]


def test_a_step_keeps_its_parameters_and_nothing_else() -> None:
    parameters, a_factor = 50, 1  # of each step
    assert 0 < kept(20, "mixed") - kept(1, "mixed") <= 19 * (parameters + a_factor)
    assert kept(20, False) - kept(1, False) > 19 * 400 * 50


def test_what_mixed_mode_is_not_known_for_is_refused_by_name() -> None:
    def chosen(learner: Algorithm) -> None:
        choose(learner, "auto", None, None, "cpu", 1, checkpoint="mixed")

    chosen(algorithm("maml", MLP([4])))
    with pytest.raises(UserError, match="MAML"):
        chosen(algorithm("fomaml", MLP([4])))
    with pytest.raises(UserError, match="ProtoNet"):
        chosen(algorithm("protonet", MLP([4])))
    strange = algorithm("maml", MLP([4]))
    strange.model.add_module("strange", torch.nn.Dropout())
    with pytest.raises(UserError, match="Dropout"):
        chosen(strange)
    with pytest.raises(UserError, match="mixed"):
        choose(algorithm("maml", MLP([4])), "learn2learn", None, None, "cpu", 1,
               checkpoint="mixed")  # fmt: skip


def test_autocast_is_refused() -> None:
    learner, batch = algorithm("maml", SmoothBody()), tasks(2, shape=(3,))
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(UserError, match="bf16-mixed"):
        Engine(1, checkpoint="mixed").meta_gradient(learner, batch, NOW)
