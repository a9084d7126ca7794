"""engine=auto measures ways to compute a step on the first batch, keeps the fastest, says it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import NOW, algorithm, close, run, tasks

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import choose, trial
from innerloop.engines.engine import Engine
from innerloop.engines.trying import TryingEngine

Clock = dict[object, float]


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Pretended seconds of a step for each chunk on two threads, how many times as long it takes on
    one thread, and the seconds of a compiled step; with an empty cache of timings."""
    times: Clock = {1: 3.0, 4: 1.0, 16: 2.0, 20: 2.5, "one thread": 1.9, "compiled": 0.01}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def seconds(engine: Engine, *_: object) -> float:
        if engine.compile:
            return times["compiled"]
        return times[engine.chunk] * (times["one thread"] if torch.get_num_threads() == 1 else 1)

    monkeypatch.setattr(trial, "seconds", seconds)
    return times


def chosen(learner: Algorithm, **more: Any) -> Engine:
    settings = {"chunk": None, "compile": None, "device": "cpu", "steps": 1000} | more
    return choose.choose(learner, settings.pop("engine", "auto"), **settings)


def plain(name: str, chunk: int | None, compile: bool = False, threads: int = 2) -> dict[str, Any]:
    return {
        "name": name, "chunk": chunk, "compile": compile, "checkpoint": False, "each_task": False,
        "threads": threads, "capture": False, "streams": 1,
    }  # fmt: skip


def first_step(batch: Any = None, **more: Any) -> Engine:
    """The engine after its first step."""
    engine = chosen(learner := algorithm("maml"), **more)
    engine.meta_gradient(learner, tasks(20) if batch is None else batch, NOW)
    return engine


def test_the_fastest_chunk_is_chosen_and_remembered(clock: Clock, capsys: Any) -> None:
    learner, batch = algorithm("maml"), tasks(20)
    expected_loss, expected = run(learner, batch)
    engine = chosen(learner, compile=False)
    assert isinstance(engine, TryingEngine)
    loss, gradient = engine.meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected)
    assert engine.describe() == plain("vmap", 4)
    assert "4 at a time, 2 threads: 1000 ms" in capsys.readouterr().out
    clock[1] = 0.1  # not measured again for the same shapes ...
    again = chosen(learner, compile=False)
    again.meta_gradient(learner, batch, NOW)
    assert again.chunk == 4
    assert "measured earlier" in capsys.readouterr().out
    other = chosen(learner, compile=False)  # ... but for other shapes
    other.meta_gradient(learner, tasks(20, shots=3), NOW)
    assert other.describe() == plain("loop", 1)
    assert choose.restore(learner, other.describe()).chunk == 1


def test_no_chunking_is_stored_as_none_for_batches_of_any_size(
    clock: Clock,
) -> None:
    clock[20] = 0.5
    assert first_step(compile=False).describe() == plain("vmap", None)


def test_one_thread_is_chosen_unless_more_are_clearly_faster(clock: Clock) -> None:
    clock["one thread"] = 1.1
    engine = first_step(compile=False)
    assert engine.describe() == plain("vmap", 4, threads=1)
    assert torch.get_num_threads() == 1
    assert choose.restore(algorithm("maml"), engine.describe()).threads == 1


def test_short_steps_are_timed_on_one_thread_alone(clock: Clock, capsys: Any) -> None:
    clock.update({1: 0.003, 4: 0.002, 16: 0.004, 20: 0.002})
    assert first_step(compile=False).describe() == plain("vmap", 4, threads=1)
    assert "2 threads" not in capsys.readouterr().out


def test_the_number_of_threads_that_the_user_gave_stays(clock: Clock) -> None:
    clock["one thread"] = 0.1
    assert first_step(compile=False, threads=2).describe() == plain("vmap", 4) | {"threads": None}
    assert torch.get_num_threads() == 2


def test_steps_are_compiled_where_those_ahead_pay_for_it(clock: Clock) -> None:
    """A step of 0.02 s is taken to be four times as fast compiled, and compiling to take 30 s:
    2,000 steps pay for it. Once it was measured, 3 s and 0.01 s count: 301 steps pay."""
    clock.update({4: 0.02, "compiled": 0.01})
    assert not first_step(steps=1999).compile
    assert first_step(steps=2001).compile
    assert first_step(steps=501).compile  # compiled earlier


def test_a_compiled_step_that_is_slower_is_not_kept(clock: Clock) -> None:
    clock["compiled"] = 2.0
    assert not first_step(steps=10_000).compile
    assert not first_step(steps=10_000).compile


def test_learners_that_convolve_on_a_cpu_are_not_compiled(clock: Clock) -> None:
    from helpers import SmoothConv

    engine = chosen(learner := algorithm("maml", SmoothConv("transductive")), steps=100_000)
    engine.meta_gradient(learner, tasks(20, shape=(1, 4, 4)), NOW)
    assert not engine.compile


def test_a_damaged_timing_cache_is_measured_again(
    clock: Clock, tmp_path: Path, capsys: Any
) -> None:
    for _ in range(2):
        first_step(compile=False)
        (file,) = (tmp_path / "innerloop" / "engines").iterdir()
        file.write_text("{")
    assert capsys.readouterr().out.count("(tried)") == 2


@pytest.mark.parametrize(
    "more", [{"steps": 4}, {"engine": "vmap"}, {"chunk": 3}, {"alone": False}, {"compile": True}]
)
def test_no_trial_in_short_runs_with_explicit_settings_or_several_processes(more: Any) -> None:
    assert type(chosen(algorithm("maml"), **more)) is Engine


def test_timing_a_step_changes_nothing() -> None:
    learner, batch = algorithm("maml"), tasks(2)
    _, before = run(learner, batch)
    assert trial.seconds(Engine(1), learner, batch, NOW) > 0
    close(run(learner, batch)[1], before)
