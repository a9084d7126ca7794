"""engine=auto tries chunk sizes on the first batch, keeps the fastest, and reports it."""

from pathlib import Path
from typing import Any

import pytest
from helpers import NOW, algorithm, close, run, tasks

from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines import choose, trial
from innerloop.engines.engine import Engine
from innerloop.engines.trial import TryingEngine


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[int | None, float]:
    """Pretended seconds of a step for each chunk size, with an empty cache of timings."""
    times: dict[int | None, float] = {1: 3.0, 4: 1.0, 16: 2.0, 20: 2.5}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trial, "seconds", lambda engine, *_: times[engine.chunk])
    return times


def chosen(learner: Algorithm, **more: Any) -> Engine:
    settings = {"chunk": None, "compile": False, "device": "cpu", "steps": 1000} | more
    return choose.choose(learner, settings.pop("engine", "auto"), **settings)


def plain(name: str, chunk: int | None) -> dict[str, Any]:
    return {
        "name": name, "chunk": chunk, "compile": False, "checkpoint": False, "each_task": False,
    }  # fmt: skip


def test_the_fastest_chunk_is_chosen_and_remembered(
    clock: dict[int | None, float], capsys: Any
) -> None:
    learner, batch = algorithm("maml"), tasks(20)
    expected_loss, expected = run(learner, batch)
    engine = chosen(learner)
    assert isinstance(engine, TryingEngine)
    loss, gradient = engine.meta_gradient(learner, batch, NOW)
    close(loss, expected_loss)
    close(gradient, expected)
    assert engine.describe() == plain("vmap", 4)
    assert "4 at a time 1000 ms" in capsys.readouterr().out
    clock[1] = 0.1  # not measured again for the same shapes ...
    again = chosen(learner)
    again.meta_gradient(learner, batch, NOW)
    assert again.chunk == 4
    assert "measured earlier" in capsys.readouterr().out
    other = chosen(learner)  # ... but for other shapes
    other.meta_gradient(learner, tasks(20, shots=3), NOW)
    assert other.describe() == plain("loop", 1)
    assert choose.restore(learner, other.describe()).chunk == 1


def test_no_chunking_is_stored_as_none_for_batches_of_any_size(
    clock: dict[int | None, float],
) -> None:
    clock[20] = 0.5
    engine = chosen(algorithm("maml"))
    engine.meta_gradient(algorithm("maml"), tasks(20), NOW)
    assert engine.describe() == plain("vmap", None)


def test_a_damaged_timing_cache_is_measured_again(
    clock: dict[int | None, float], tmp_path: Path, capsys: Any
) -> None:
    for _ in range(2):
        chosen(algorithm("maml")).meta_gradient(algorithm("maml"), tasks(20), NOW)
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
