"""Compiled inner steps and query losses give the meta-gradient; what they cannot give is left."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, algorithms_that, close, tasks
from padding import padded, single
from torch import Tensor, nn

from innerloop.adaptation import pieces
from innerloop.adaptation.piece import compiled
from innerloop.engines import inductor
from innerloop.engines.choose import choose
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.models.conv4 import Conv4
from innerloop.models.mlp import MLP

IMAGE = (1, 16, 16)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The traced graphs, which run as they are: Inductor would take minutes for all tests."""
    graphs: list[Any] = []

    def compile(graph: Any, inputs: list[Tensor]) -> Any:
        graphs.append(graph)
        return graph

    monkeypatch.setattr(inductor, "compile", compile)
    return graphs


def engine(chunk: int | None = None) -> Engine:
    return Engine(chunk, compile="steps")


@pytest.mark.parametrize("norm", [None, "transductive", "support", "running"])
@pytest.mark.parametrize("chunk", [1, None])
@pytest.mark.parametrize("name", algorithms_that(lambda learner: learner.second_order))
def test_the_meta_gradient_is_unchanged(
    name: str, chunk: int | None, norm: str | None, compilations: list[Any]
) -> None:
    learner = algorithm(name, SmoothConv(norm) if norm else SmoothBody())
    learner.steps = 3
    batch = tasks(3, shape=(1, 4, 4) if norm else (3,))
    expected = Engine(1).meta_gradient(learner, batch, NOW)
    close(engine(chunk).meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("chunk", [1, None])
def test_with_blocks_that_pool_first(chunk: int | None, compilations: list[Any]) -> None:
    learner = algorithm("maml", Conv4(IMAGE, filters=4))
    learner.steps = 3
    batch = tasks(2, shape=IMAGE)
    expected = Engine(1).meta_gradient(learner, batch, NOW)
    close(engine(chunk).meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-10)
    assert len(compilations) == 3


def test_with_tasks_of_unequal_size(compilations: list[Any]) -> None:
    learner = algorithm("maml", SmoothConv("transductive"))
    learner.steps = 3
    batch = padded([single(ways, 1, 2, (1, 4, 4)) for ways in (2, 3)])
    expected = Engine(1).meta_gradient(learner, batch, NOW)
    close(engine().meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-10)


def test_any_number_of_steps_shares_three_compilations(compilations: list[Any]) -> None:
    """One of the step, one of its derivative, one of the query loss with its gradient."""
    learner, own = algorithm("maml", SmoothBody()), engine()
    learner.steps = 6
    for _ in range(2):
        own.meta_gradient(learner, tasks(3), NOW)
    assert len(compilations) == 3
    own.meta_gradient(learner, tasks(2), NOW)  # another shape
    assert len(compilations) == 6


def test_steps_that_differ_are_compiled_apart(compilations: list[Any]) -> None:
    learner = algorithm("mamlpp", SmoothConv("per_step"))
    learner.steps = 2
    batch = tasks(3, shape=(1, 4, 4))
    expected = Engine(1).meta_gradient(learner, batch, NOW)
    close(engine().meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-10)


class Drawing(SmoothBody):
    """A body with dropout, whose derivative would draw other numbers than the step did."""

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.dropout(super().forward(inputs), 0.5)


def test_steps_that_draw_random_numbers_are_not_compiled(
    compilations: list[Any], capsys: Any
) -> None:
    learner, own = algorithm("maml", Drawing()), engine()
    own._checked[learner] = None
    own.meta_gradient(learner, tasks(3), NOW)
    assert not compilations and not own.compile
    assert "draw random numbers" in capsys.readouterr().out


def of_one(pull: Callable[[Tensor, Tensor], Tensor], shared: Tensor) -> Tensor:
    start = torch.ones(3).double().requires_grad_()
    return pieces.run(lambda x: pull(x, shared), 0, start)


def test_tensors_that_are_not_handed_over_are_seen(compilations: list[Any], capsys: Any) -> None:
    """A compiled piece would use their first values for ever."""
    own = engine()
    learner = algorithm("maml", SmoothBody())
    for value in (1.0, 2.0):
        with compiled(own._compiler(learner)):
            result = of_one(torch.mul, torch.full((3,), value).double())
        close(result, torch.full((3,), value).double())
    assert not compilations and "not handed to them" in capsys.readouterr().out


def test_a_failing_compiler_is_announced_and_left(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such instruction")

    monkeypatch.setattr(inductor, "compile", fail)
    learner, batch, own = algorithm("maml", SmoothBody()), tasks(3), engine()
    close(own.meta_gradient(learner, batch, NOW), Engine(1).meta_gradient(learner, batch, NOW))
    assert not own.compile and "no such instruction" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, None])
def test_as_inductor_compiles_them(chunk: int | None) -> None:
    learner = algorithm("maml", MLP([3], hidden=[5]))
    learner.steps = 3
    batch = tasks(3)
    expected = Engine(1).meta_gradient(learner, batch, NOW)
    close(engine(chunk).meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-10)


def test_learners_without_inner_steps_are_refused() -> None:
    with pytest.raises(UserError, match="compile=steps"):
        choose(algorithm("protonet", MLP([4])), "auto", None, "steps", "cpu", 1)
