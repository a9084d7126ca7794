"""Work that is replayed as CUDA graphs gives what it gives without: on a CPU by a stand-in."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from engines.graphs import Graph, Stream, pretend
from helpers import NOW, SmoothBody, SmoothConv, algorithm, close, learners, tasks
from torch import nn

from innerloop.engines import captured, choose, inductor, streams, trial
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.models.mlp import MLP
from innerloop.outer.adam import AdamStep
from innerloop.outer.gradient import assign, trained

IMAGE = (1, 4, 4)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Graph]]:
    with pretend(monkeypatch) as made:
        yield made


def capturing(chunk: int | None = None, **more: Any) -> Engine:
    return Engine(chunk, capture=True, **more)


@pytest.mark.parametrize("name", learners())
def test_replays_follow_the_batch_the_parameters_and_the_progress(
    name: str, graphs: list[Graph]
) -> None:
    """Each step has other tasks and, as after an optimizer's step, other parameters."""
    learner, engine = algorithm(name, SmoothConv("support")), capturing()
    for step in range(4):
        batch, progress = tasks(3, shape=IMAGE), torch.tensor(step / 4).double()
        loss, gradient = engine.meta_gradient(learner, batch, progress)
        expected_loss, expected = Engine().meta_gradient(learner, batch, progress)
        close(loss, expected_loss)
        close(gradient, expected, rtol=1e-10, atol=1e-10)
        with torch.no_grad():
            for parameter in learner.parameters():
                parameter.add_(0.01 * torch.ones_like(parameter))
    assert len(graphs) == (0 if learner.one_by_one or learner.whole_batch else 1)
    assert all(graph.replays >= 3 for graph in graphs) or engine._captured["meta-gradients"].stopped


@pytest.mark.parametrize("checkpoint", [False, "mixed"])
@pytest.mark.parametrize("chunk", [1, 2])
def test_chunks_over_streams_give_the_same_gradient(
    chunk: int, checkpoint: Any, graphs: list[Graph]
) -> None:
    """Each piece runs on a side stream, which waits for the current one and is waited for."""
    learner, engine = algorithm("maml"), capturing(chunk, checkpoint=checkpoint)
    engine.streams = 4
    for _ in range(3):
        batch = tasks(6)
        expected = Engine().meta_gradient(learner, batch, NOW)
        close(engine.meta_gradient(learner, batch, NOW), expected, rtol=1e-10, atol=1e-12)
    assert len(graphs) == 1
    Stream.history.clear()
    streams.deal([lambda: 1, lambda: 2, lambda: 3], 2)
    waits = [pair for kind, *pair in Stream.history if kind == "wait"]
    entered = [own for kind, own, *_ in Stream.history if kind == "run"]
    assert len(entered) == 3 and entered[0] == entered[2] != entered[1]
    assert waits[:2] == [[side, 0] for side in entered[:2]]
    assert waits[2:] == [[0, side] for side in entered[:2]]


@pytest.mark.parametrize("name", ["maml", "protonet"])
def test_scores_are_replayed_and_kept(name: str, graphs: list[Graph]) -> None:
    learner, engine = algorithm(name, SmoothConv("support")), capturing()
    batches = [tasks(3, shape=IMAGE) for step in range(4)]
    kept = [engine.scores(learner, batch, 2, NOW) for batch in batches]
    for scores, batch in zip(kept, batches, strict=True):
        close(scores, Engine().scores(learner, batch, 2, NOW))
    assert len(graphs) == 1 and graphs[0].replays == 4  # one to compare


class Dropout(SmoothBody):
    """A body that draws random numbers on the device."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(super().forward(inputs), 0.5)


def test_random_layers_draw_anew_at_each_replay(graphs: list[Graph]) -> None:
    """Half of the features are dropped: the mean over many replays is that without dropout."""
    learner, engine, batch = algorithm("fomaml", Dropout()), capturing(), tasks(2)
    engine._checked[learner] = None
    values = [float(engine.meta_gradient(learner, batch, NOW)[0]) for _ in range(100)]
    plain = [float(learner(batch, NOW).detach()) for _ in range(100)]
    assert len(graphs) == 1 and len(set(values)) > 95
    one, other = torch.tensor(values), torch.tensor(plain)
    error = (one.var() / 100 + other.var() / 100).sqrt()
    assert abs(one.mean() - other.mean()) < 5 * error


def test_capturing_draws_no_random_numbers(graphs: list[Graph]) -> None:
    learner, batch = algorithm("fomaml", Dropout()), tasks(2)
    ends = []
    for engine in (capturing(), Engine()):
        engine._checked[learner] = None
        torch.manual_seed(0)
        losses = [float(engine.meta_gradient(learner, batch, NOW)[0]) for _ in range(4)]
        ends.append([*losses, torch.rand(()).item()])
    assert len(graphs) == 1 and len(set(ends[0])) == 5
    assert ends[0] == pytest.approx(ends[1])


def test_running_averages_are_updated_once_for_each_call(graphs: list[Graph]) -> None:
    class Counting(SmoothBody):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("passes", torch.zeros(()))

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.passes.add_(1)
            return super().forward(inputs)

    learner, engine, batch = algorithm("protonet", Counting()), capturing(), tasks(2)
    engine._checked[learner] = None
    engine.scores(learner, batch, 0, NOW)
    each = learner.model.body.passes.item()
    for _ in range(4):
        engine.scores(learner, batch, 0, NOW)
    assert each and learner.model.body.passes.item() == 5 * each and len(graphs) == 1


def test_there_is_a_graph_for_each_shape_and_phase_up_to_a_limit(graphs: list[Graph]) -> None:
    learner, engine = algorithm("maml"), capturing()
    for _ in range(3):
        for shots in (1, 2):
            for phase in ("early", "late"):
                learner.current_phase = phase
                engine.meta_gradient(learner, tasks(2, shots=shots), NOW)
    assert len(graphs) == 4 and all(graph.replays == 3 for graph in graphs)  # one to compare
    for number in range(captured.LIMIT + 1):
        learner.current_phase = number
        for _ in range(2):
            engine.meta_gradient(learner, tasks(2), NOW)
    assert len(engine._captured["meta-gradients"]._recordings) == captured.LIMIT
    learner.current_phase = captured.LIMIT
    before = len(graphs)
    engine.meta_gradient(learner, tasks(2), NOW)
    assert len(graphs) == before


def test_shapes_that_never_stop_changing_are_not_captured_for_ever(
    graphs: list[Graph], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(captured, "MOST", 3)
    learner, engine = algorithm("maml"), capturing()
    for phase in range(6):
        learner.current_phase = phase
        for _ in range(2):
            engine.meta_gradient(learner, tasks(2), NOW)
    (line,) = capsys.readouterr().out.splitlines()
    assert len(graphs) == 3 and line.endswith("the shapes of the tasks change too often")


class Reading(SmoothBody):
    """A body that reads a number on the processor."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs) * (1 + torch.zeros(()).item())


class Guessing(SmoothBody):
    """A body whose random numbers are Python's."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs) * random.random()


class Growing(SmoothBody):
    """A body that does something else in each pass."""

    passes = 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        return super().forward(inputs) * self.passes


@pytest.mark.parametrize(
    ("body", "why"),
    [(Reading, "not permitted"), (Guessing, "on the processor"), (Growing, "something else")],
)
def test_what_cannot_be_captured_runs_as_before_and_says_why(
    body: type[SmoothBody], why: str, graphs: list[Graph], capsys: Any
) -> None:
    learner, engine, batch = algorithm("fomaml", body()), capturing(), tasks(2)
    engine._checked[learner] = None
    for _ in range(4):
        loss, gradient = engine.meta_gradient(learner, batch, NOW)
    (line,) = capsys.readouterr().out.splitlines()
    assert why in line
    assert torch.isfinite(loss) and all(g.isfinite().all() for g in gradient.values())
    assert engine._captured["meta-gradients"]._recordings == {}


def test_learners_that_run_one_by_one_are_not_captured(
    graphs: list[Graph], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    learner, engine = algorithm("maml"), capturing(1)
    monkeypatch.setattr(type(learner), "one_by_one", "its solver is SciPy's")
    for _ in range(3):
        engine.meta_gradient(learner, tasks(2), NOW)
        engine.scores(learner, tasks(2), 1, NOW)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("its solver is SciPy's") and not graphs and not engine.capture


def test_an_engine_made_on_a_gpu_computes_on_a_cpu() -> None:
    """Without the stand-in: nothing may be captured, since nothing would be recorded."""
    learner, engine = algorithm("maml"), capturing()
    for _ in range(4):
        batch = tasks(2)
        close(
            engine.meta_gradient(learner, batch, NOW), Engine().meta_gradient(learner, batch, NOW)
        )


def test_capturing_is_the_default_on_a_gpu_and_refused_on_a_cpu() -> None:
    def chosen(**more: Any) -> Engine:
        return choose.choose(algorithm("maml"), "vmap", None, False, steps=10, **more)

    assert chosen(device="cuda").capture and not chosen(device="cpu").capture
    assert not chosen(device="cuda", capture=False).capture
    with pytest.raises(UserError, match="which a CPU does not have"):
        chosen(device="cpu", capture=True)


def test_auto_tries_streams_and_mixed_mode_where_it_captures(
    graphs: list[Graph], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tried: list[tuple[object, ...]] = []

    def seconds(engine: Engine, *_: object) -> float:
        tried.append((engine.chunk, engine.streams, engine.checkpoint))
        return 1.0 if tried[-1] == (1, 8, "mixed") else 2.0

    monkeypatch.setattr(trial, "seconds", seconds)
    learner, batch = algorithm("maml", MLP([3], hidden=[5])), tasks(4)
    expected = Engine().meta_gradient(learner, batch, NOW)
    engine = choose.choose(learner, "auto", None, False, "cuda", 1000)
    close(engine.meta_gradient(learner, batch, NOW), expected, rtol=1e-10)
    plain = [(chunk, 1, False) for chunk in (1, 4)]
    assert tried == [*plain, (1, 4, False), (1, 8, False), (4, 1, "mixed"), (1, 8, "mixed")]
    assert "chose 1 at a time, 1 thread, 8 streams, mixed mode" in capsys.readouterr().out
    again = choose.restore(learner, engine.describe())
    assert (again.chunk, again.streams, again.checkpoint) == (1, 8, "mixed")


def test_auto_compiles_inner_steps_in_long_trainings(
    graphs: list[Graph], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    """A step of 0.02 s is taken to be 1.5 times as fast with compiled inner steps, and compiling
    them to take 90 s: 13,500 steps pay for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(inductor, "compile", lambda graph, inputs: graph)
    monkeypatch.setattr(trial, "seconds", lambda engine, *_: 0.01 if engine.compile else 0.02)
    learner, batch = algorithm("maml", MLP([3], hidden=[5])), tasks(4)
    learner.steps = 2
    expected = Engine().meta_gradient(learner, batch, NOW)
    for steps, compile in ((13_000, False), (14_000, "steps")):
        engine = choose.choose(learner, "auto", None, None, "cuda", steps)
        close(engine.meta_gradient(learner, batch, NOW), expected, rtol=1e-10)
        assert engine.compile == compile
    assert "a step takes 10 ms with compiled inner steps" in capsys.readouterr().out
    assert choose.restore(learner, engine.describe()).compile == "steps"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("checkpoint", [False, True, "mixed"])
def test_on_a_gpu_replays_equal_the_work_itself(checkpoint: Any) -> None:
    learner, engine = algorithm("maml").cuda(), capturing(checkpoint=checkpoint)
    for _ in range(4):
        batch = torch.utils._pytree.tree_map(lambda x: x.cuda(), tasks(3))
        actual = engine.meta_gradient(learner, batch, NOW.cuda())
        close(actual, Engine().meta_gradient(learner, batch, NOW.cuda()), rtol=1e-10)
        with torch.no_grad():
            for parameter in learner.parameters():
                parameter.add_(0.01)
    assert len(engine._captured["meta-gradients"]._recordings) == 1


@pytest.mark.parametrize("clip", [None, 0.1])
def test_outer_steps_are_replayed_with_their_update(
    clip: float | None, graphs: list[Graph]
) -> None:
    """Capturing runs the step several times, and none of them may move the parameters."""

    def stepped(at_once: bool) -> tuple[Any, list[Any]]:
        torch.manual_seed(0)
        learner, engine = algorithm("maml"), Engine(capture=at_once)
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
        parameters, told, update = list(learner.parameters()), list[Any](), None
        for number in range(6):
            batch = tasks(3)
            if at_once and update is not None:
                told.append(engine.step(learner, batch, NOW, update))
                continue
            assign(trained(learner), Engine().meta_gradient(learner, batch, NOW)[1])
            norm = nn.utils.get_total_norm([p.grad for p in parameters])  # type: ignore[misc]
            told += [norm] if number else []
            if clip is not None:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimizer.step()
            update = AdamStep(optimizer, parameters, clip)
        return (dict(learner.named_parameters()), optimizer.state_dict()["state"]), told

    (ours, told), (theirs, norms) = stepped(True), stepped(False)
    close(ours, theirs, rtol=1e-10, atol=1e-10)
    close([each[1] for each in told], norms, rtol=1e-10)
    assert len(graphs) == 1 and graphs[0].replays >= 4
