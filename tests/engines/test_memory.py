"""Memory: the chunk is halved when it runs out, and the peak does not grow with the tasks."""

from typing import Any

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, close, run, tasks

from innerloop import tasks as task_tools
from innerloop.adaptation import checkpointing
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import memory, trial
from innerloop.engines.engine import Engine
from innerloop.models.conv4 import Conv4
from innerloop.models.mlp import MLP

ERRORS = (
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 99 bytes"),
)


def limited(learner: Any, most: int, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the learner raise an out-of-memory error for batches of more than `most` tasks."""
    for name in ("forward", "scores"):
        whole = getattr(learner, name)

        def run_it(batch: Any, *more: Any, whole: Any = whole, **named: Any) -> Any:
            if task_tools.count(batch) > most:
                raise error
            return whole(batch, *more, **named)

        monkeypatch.setattr(learner, name, run_it)


def learner_of(name: str) -> Algorithm:
    """A learner with known layers, which engines do not check."""
    return algorithm(name, MLP((3,), (5, 4)))


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_an_out_of_memory_step_is_retried_with_half_the_chunk(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    learner, batch = learner_of("maml"), tasks(7)
    expected_loss, expected = run(learner, batch)
    limited(learner, 2, error, monkeypatch)
    engine = Engine()
    loss, gradient = engine.meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected)
    assert engine.describe()["chunk"] == 1  # 7, 3, 1
    assert [line.split()[4] for line in capsys.readouterr().out.splitlines()] == ["7", "3"]
    engine = Engine(4)
    assert engine.scores(learner, batch, 2, NOW)["loss"].shape == (7, 3)
    assert engine.describe()["chunk"] == 2


def test_one_task_that_does_not_fit_and_other_errors_are_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for error, most in ((MemoryError(), 0), (RuntimeError("shapes do not match"), 1)):
        learner = learner_of("maml")
        with monkeypatch.context() as patch:
            limited(learner, most, error, patch)
            engine = Engine(2)
            with pytest.raises(type(error)):
                engine.meta_gradient(learner, tasks(4), NOW)
            assert engine.chunk == (1 if most == 0 else 2)


def test_a_batch_embedded_as_a_whole_is_not_halved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learner = algorithm("protonet", SmoothConv("running"))  # its averages are over all tasks
    limited(learner, 1, MemoryError(), monkeypatch)
    with pytest.raises(MemoryError):
        Engine().meta_gradient(learner, tasks(4, shape=(1, 4, 4)), NOW)


def test_peak_memory_does_not_grow_with_the_number_of_tasks() -> None:
    learner, batch = algorithm("maml", Conv4((1, 16, 16), 4)), tasks(64, shape=(1, 16, 16))
    few = trial.peak_memory(Engine(4), learner, task_tools.part(batch, 0, 4), NOW)
    many = trial.peak_memory(Engine(4), learner, batch, NOW)
    assert many < 1.1 * few
    assert trial.peak_memory(Engine(16), learner, batch, NOW) > 3 * few


def test_a_single_task_that_does_not_fit_is_retried_with_checkpointing(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    learner, batch = learner_of("maml"), tasks(3)
    learner.steps = 2
    expected_loss, expected = run(learner, batch)
    whole = learner.forward

    def forward(*inputs: Any) -> Any:
        if not checkpointing.are_wanted():
            raise MemoryError
        return whole(*inputs)

    monkeypatch.setattr(learner, "forward", forward)
    engine = Engine(1)
    loss, gradient = engine.meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected)
    assert engine.checkpoint and "engine.checkpoint=true" in capsys.readouterr().out
    first_order = learner_of("fomaml")
    monkeypatch.setattr(first_order, "forward", forward)
    learner.steps, first_order.steps = 1, 2  # neither option would save memory
    for other in (learner, first_order):
        with pytest.raises(MemoryError):
            Engine(1).meta_gradient(other, batch, NOW)


def test_peak_memory_does_not_grow_with_the_number_of_inner_steps() -> None:
    learner, batch = algorithm("maml", Conv4((1, 16, 16), 4)), tasks(2, shape=(1, 16, 16))
    peaks = {}
    for checkpoint in (False, True):
        for learner.steps in (3, 12):
            engine = Engine(1, checkpoint=checkpoint)
            peaks[checkpoint, learner.steps] = trial.peak_memory(engine, learner, batch, NOW)
    assert peaks[True, 12] < 1.3 * peaks[True, 3]
    assert peaks[False, 12] > 2 * peaks[True, 12]


def test_the_allocator_is_set_only_once() -> None:
    assert memory.keep_freed() is memory.keep_freed()
