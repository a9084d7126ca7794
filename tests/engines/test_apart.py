"""Tasks that run in several threads give what they give one after the other."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from helpers import NOW, close, tasks
from torch import Tensor, nn

from innerloop.algorithms.gradient.maml import MAML
from innerloop.engines import apart
from innerloop.engines.engine import Engine
from innerloop.layers import early_pooling
from innerloop.machine import threads
from innerloop.models.conv4 import Conv4
from innerloop.models.mlp import MLP
from innerloop.models.network import Network
from innerloop.objectives import Classification

IMAGE = (1, 16, 16)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.fixture
def dealt(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs went to threads, by call."""
    calls: list[int] = []
    deal = threads.deal

    def counted(jobs: Any, number: int) -> Any:
        calls.append(len(jobs))
        return deal(jobs, number)

    monkeypatch.setattr(threads, "deal", counted)
    return calls


def maml(*layers: nn.Module) -> MAML:
    torch.manual_seed(0)
    conv4 = Conv4(IMAGE, filters=3, norm="transductive")
    body = nn.Sequential(conv4, *layers)
    body.width = conv4.width  # type: ignore[assignment]
    return MAML(Network(body, outputs=3), Classification(3, 3), rate=0.1, steps=2).double()


def test_gradients_and_scores_are_those_of_tasks_in_turn(dealt: list[int]) -> None:
    learner, batch, engine = maml(), tasks(5, shape=IMAGE), Engine(1)

    def both() -> Any:
        return (
            engine.meta_gradient(learner, batch, NOW),
            engine.scores(learner, batch, steps=3, progress=NOW),
        )

    torch.set_num_threads(1)
    in_turn = both()  # shows that the learner draws no random numbers
    assert not dealt
    torch.set_num_threads(2)
    close(both(), in_turn)
    assert dealt == [5, 5]
    assert all(p.grad is None for p in learner.parameters())


def test_a_learner_that_draws_random_numbers_runs_in_turn(dealt: list[int]) -> None:
    learner, batch, engine = maml(nn.Dropout(0.5)), tasks(2, shape=IMAGE), Engine(1)
    work = [lambda own: own(batch, NOW, False)] * 2
    for _ in range(2):
        engine._apart.run(learner, work)
    assert not dealt


def test_threads_see_what_the_caller_has_opened() -> None:
    def state() -> tuple[object, ...]:
        return (
            threading.get_ident(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
            early_pooling._allowed.get(), torch.is_autocast_enabled("cpu"), torch.get_num_threads(),
        )  # fmt: skip

    with torch.no_grad(), early_pooling.allowed():
        (other,) = threads.deal([state], 1)
    assert other[0] != threading.get_ident()
    assert other[1:] == (False, False, True, False, 1)
    with torch.inference_mode():
        assert threads.deal([state], 1)[0][2]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert threads.deal([state], 1)[0][4]
    assert threads.deal([state], 1)[0][1:5] == (True, False, False, False)


def test_an_error_in_a_thread_reaches_the_caller() -> None:
    def fails() -> Tensor:
        raise MemoryError("not enough memory")

    with pytest.raises(MemoryError):
        threads.deal([fails, fails], 2)


def test_only_learners_of_images_on_a_cpu_are_dealt_to_threads() -> None:
    assert apart.suits(maml(), torch.device("cpu"))
    assert not apart.suits(maml(), torch.device("cuda"))
    dense = MAML(Network(MLP([3]), outputs=3), Classification(3, 3), rate=0.1)
    assert not apart.suits(dense, torch.device("cpu"))
