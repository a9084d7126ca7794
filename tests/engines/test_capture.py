"""Captured steps: the logic with a stand-in for CUDA graphs, and the real ones where a GPU is."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import NOW, SmoothBody, SmoothConv, algorithm, close, learners, run, tasks
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from innerloop import tasks as task_tools
from innerloop.engines import choose, streams
from innerloop.engines.capture import MOST, CannotCaptureError, Captured
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.layers import layout


class Recorder:
    """Like a CUDA graph: runs three times to warm up, then computes into the same outputs."""

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(self, compute: Callable[[], Any]) -> tuple[Any, Callable[[], None]]:
        self.recordings += 1
        for _ in range(3):
            compute()
        outputs = tree_map(lambda x: torch.full_like(x, torch.nan), compute())

        def replay() -> None:
            for own, new in zip(tree_leaves(outputs), tree_leaves(compute()), strict=True):
                own.copy_(new)

        return outputs, replay


def capturing(**options: Any) -> Engine:
    """An engine that captures with the stand-in."""
    engine = Engine(capture=True, **options)
    engine.graphs = Captured(Recorder())
    return engine


@pytest.mark.parametrize("options", [{}, {"chunk": 1, "streams": 2}, {"chunk": 2, "streams": 3}])
@pytest.mark.parametrize("name", ["maml", "anil", "meta_sgd", "protonet", "mamlpp", "r2d2"])
def test_a_replay_gives_the_gradient_of_the_new_tasks_and_weights(
    name: str, options: dict[str, int]
) -> None:
    learner, engine = algorithm(name), capturing(**options)
    for _ in range(3):
        batch = tasks(5)
        expected = run(learner, batch)
        loss, gradient = engine.meta_gradient(learner, batch, NOW)
        close(loss, expected[0])
        close(gradient, expected[1])
        with torch.no_grad():  # as an optimizer does, in place
            for parameter in learner.parameters():
                parameter.add_(0.01 * torch.randn_like(parameter))
    assert engine.graphs.record.recordings == 1


def test_a_replay_reads_the_new_progress() -> None:
    learner, engine, batch = algorithm("maml"), capturing(), tasks(2)
    learner.meta_loss = lambda task, progress: progress * learner.model(task.query.inputs).sum()
    for progress in (0.25, 0.75):
        now = torch.tensor(progress, dtype=torch.float64)
        loss, _ = engine.meta_gradient(learner, batch, now)
        close(loss, learner(batch, now).detach())


def test_results_of_earlier_replays_stay() -> None:
    learner, engine = algorithm("maml"), capturing()
    first, second = tasks(2), tasks(2)
    loss, _ = engine.meta_gradient(learner, first, NOW)
    scores = engine.scores(learner, first, 3, NOW)
    expected = tree_map(torch.clone, (loss, scores))
    engine.meta_gradient(learner, second, NOW)
    engine.scores(learner, second, 3, NOW)
    close((loss, scores), expected)


@pytest.mark.parametrize("at", [None, (3,), (0, 3)])
def test_captured_scores_equal_computed_ones(at: tuple[int, ...] | None) -> None:
    learner, engine = algorithm("maml").eval(), capturing(chunk=2)
    for inference in (False, True, False):
        batch = tasks(5)
        with torch.inference_mode(inference):
            scores = engine.scores(learner, batch, 3, NOW, at)
        close(scores, learner.scores(batch, 3, NOW, at))
    assert engine.graphs.record.recordings == 2  # tensors of inference mode cannot be shared


def test_each_shape_phase_and_mode_is_captured_once() -> None:
    learner, engine = algorithm("maml"), capturing()
    record: Any = engine.graphs.record
    for _ in range(2):
        for count in (2, 3):
            engine.meta_gradient(learner, tasks(count), NOW)
    assert record.recordings == 2
    learner.current_phase = "second"
    engine.meta_gradient(learner, tasks(2), NOW)
    learner.eval()
    engine.meta_gradient(learner, tasks(2), NOW)
    assert record.recordings == 4


def test_the_oldest_graph_is_dropped() -> None:
    learner, engine = algorithm("maml"), capturing()
    record: Any = engine.graphs.record
    for count in range(1, MOST + 2):
        engine.meta_gradient(learner, tasks(count), NOW)
    engine.meta_gradient(learner, tasks(2), NOW)
    assert record.recordings == MOST + 1
    engine.meta_gradient(learner, tasks(1), NOW)
    assert record.recordings == MOST + 2


def test_new_memory_of_the_weights_is_noticed() -> None:
    learner, engine = algorithm("maml"), capturing()
    batch = tasks(2)
    engine.meta_gradient(learner, batch, NOW)
    for parameter in learner.parameters():
        parameter.data = parameter.detach() + 1.0
    close(engine.meta_gradient(learner, batch, NOW)[1], run(learner, batch)[1])


def test_warming_up_does_not_train_running_averages() -> None:
    def averages(engine: Engine) -> list[Tensor]:
        torch.manual_seed(0)
        learner = algorithm("protonet", SmoothConv("running"))
        for _ in range(2):
            with layout.track():
                engine.meta_gradient(learner, tasks(3, shape=(1, 4, 4)), NOW)
        return [buffer.clone() for buffer in learner.buffers()]

    captured, expected = averages(capturing()), averages(Engine())
    assert expected
    close(captured, expected)


def test_random_layers_draw_anew_at_each_replay() -> None:
    body = nn.Sequential(SmoothBody(), nn.Dropout(0.5))
    body.width = 4
    learner = algorithm("maml", body)
    engine, batch = capturing(), tasks(2)
    losses = [float(engine.meta_gradient(learner, batch, NOW)[0]) for _ in range(4)]
    assert len(set(losses)) == 4


def test_what_cannot_be_captured_runs_as_before_and_says_why(capsys: Any) -> None:
    def refuses(compute: Callable[[], Any]) -> Any:
        raise RuntimeError("operation not permitted when stream is capturing\nand much more")

    learner, engine, batch = algorithm("maml"), capturing(), tasks(2)
    engine.graphs = Captured(refuses)
    for _ in range(2):
        close(engine.meta_gradient(learner, batch, NOW), run(learner, batch))
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "steps are not captured as a CUDA graph: operation not permitted when stream is capturing"
    )
    assert not engine.describe()["capture"]


def test_out_of_memory_while_recording_takes_smaller_chunks(capsys: Any) -> None:
    class Full(Recorder):
        def __call__(self, compute: Callable[[], Any]) -> Any:
            if not self.recordings:
                self.recordings += 1
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().__call__(compute)

    learner, engine, batch = algorithm("maml"), capturing(), tasks(4)
    engine.graphs = Captured(Full())
    close(engine.meta_gradient(learner, batch, NOW), run(learner, batch))
    assert engine.chunk == 2 and engine.capture
    assert "continuing with 2" in capsys.readouterr().out


def test_a_failed_recording_leaves_the_state_as_it_was() -> None:
    state = torch.zeros(2)

    def moves(_: Tensor) -> Tensor:
        return state.add_(1)

    def fails(compute: Callable[[], Any]) -> Any:
        compute()
        raise RuntimeError("no")

    with pytest.raises(CannotCaptureError):
        Captured(fails)(moves, torch.ones(1), "key", [state])
    assert state.tolist() == [0, 0]


def test_weights_in_half_precision_are_converted_in_the_graph() -> None:
    seen = []

    def compute(x: Tensor) -> Tensor:
        seen.append(torch.is_autocast_cache_enabled())
        return x

    with torch.autocast("cpu", torch.bfloat16):
        Captured(Recorder())(compute, torch.ones(1), "key", [])
        assert torch.is_autocast_cache_enabled()
    assert seen[:4] == [False] * 4


@pytest.mark.parametrize("number", [1, 2, 3, 7, 20])
def test_a_total_over_streams_counts_every_job_once(number: int) -> None:
    jobs = [lambda i=i: 2**i for i in range(7)]
    assert streams.total(jobs, lambda a, b: a + b, number, gpu=False) == 2**7 - 1


def test_capturing_is_the_default_on_a_gpu_and_refused_without_one() -> None:
    def chosen(**more: Any) -> Engine:
        settings = {"chunk": None, "compile": None, "device": "cpu", "steps": 100} | more
        return choose.choose(algorithm("maml"), "auto", **settings)

    assert chosen(device="cuda").capture and not chosen().capture
    assert not chosen(device="cuda", capture=False).capture
    assert chosen(device="cuda", streams=4, chunk=1).streams == 4
    with pytest.raises(UserError, match="has no GPU"):
        chosen(capture=True)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("options", [{}, {"chunk": 1, "streams": 4}])
@pytest.mark.parametrize("name", learners())
def test_on_a_gpu_captured_equals_eager(name: str, options: dict[str, int]) -> None:
    learner = algorithm(name, SmoothConv("support")).cuda()
    if learner.one_by_one:
        pytest.skip("runs one task at a time")
    engine, now = Engine(capture=True, **options), NOW.cuda()
    for _ in range(3):
        batch = tree_map(lambda x: x.cuda(), tasks(4, shape=(1, 4, 4)))
        loss, gradient = engine.meta_gradient(learner, batch, now)
        expected = Engine().meta_gradient(learner, batch, now)
        close(loss, expected[0])
        close(gradient, expected[1], rtol=1e-9, atol=1e-10)
        scores = engine.scores(learner, batch, 2, now)
        close(scores, Engine().scores(learner, batch, 2, now))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_dropout_draws_anew() -> None:
    body = nn.Sequential(SmoothBody(), nn.Dropout(0.5))
    body.width = 4
    learner = algorithm("maml", body).cuda()
    engine = Engine(capture=True)
    batch = tree_map(lambda x: x.cuda(), tasks(2))
    losses = [float(engine.meta_gradient(learner, batch, NOW.cuda())[0]) for _ in range(4)]
    assert engine.capture and len(set(losses)) == 4


def test_a_batch_of_one_task_is_captured() -> None:
    learner, engine = algorithm("maml"), capturing(chunk=1, streams=4)
    batch = task_tools.part(tasks(2), 0, 1)
    close(engine.meta_gradient(learner, batch, NOW), run(learner, batch))
