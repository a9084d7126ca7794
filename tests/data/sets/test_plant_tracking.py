"""Simulated plants: the motion against scipy, perfect knowledge, and the trials of a run."""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cli import FAST, train
from scipy import integrate

from innerloop import tasks as task_tools
from innerloop.conformance import data_sets
from innerloop.conformance.data_sets import DataSet
from innerloop.conformance.failure import checks
from innerloop.data.plants import (
    DAMPING,
    SECONDS,
    SETTLED,
    STIFFNESS,
    Plant,
    References,
    tracking_error,
)
from innerloop.data.sets.plant_tracking import PlantTracking
from innerloop.errors import UserError
from innerloop.tasks import Episode, Examples, Task

PLANT = Plant(torch.tensor([2.0, 0.7, 1.5, 1.0], dtype=torch.float64))
PATHS = References(*torch.tensor([[1.2, 0.9], [0.8, 1.4], [0.3, 2.0]], dtype=torch.float64))
Answer = Callable[[Task], torch.Tensor]
EPISODE = Episode(1, 20, 30)


def disturbance(x: float, v: float) -> float:
    a, b, c, e = PLANT.parameters.tolist()
    return -a * np.sin(2 * x) - b * v * abs(v) - c * x + e


def by_scipy(amplitude: float, speed: float, phase: float) -> float:
    """The mean squared tracking error without compensation, in continuous time."""

    def reference(t: float) -> tuple[float, float, float]:
        r = amplitude * np.sin(speed * t + phase)
        return r, amplitude * speed * np.cos(speed * t + phase), -(speed**2) * r

    def motion(t: float, state: np.ndarray) -> tuple[float, float]:
        x, v = state
        r, dr, ddr = reference(t)
        u = ddr - STIFFNESS * (x - r) - DAMPING * (v - dr)
        return v, u + disturbance(x, v)

    times = np.linspace(SETTLED, SECONDS, 4001)
    start = reference(0.0)[:2]
    path = integrate.solve_ivp(motion, (0, SECONDS), start, t_eval=times, rtol=1e-9, atol=1e-9)
    errors = [x - reference(t)[0] for t, x in zip(times, path.y[0], strict=True)]
    return float(np.mean(np.square(errors)))


def test_the_motion_is_that_of_the_differential_equation() -> None:
    actual = tracking_error(PLANT, PATHS, lambda states: torch.zeros(len(states), 1))
    rows = zip(*[column.tolist() for column in PATHS], strict=True)
    expected = np.sqrt(np.mean([by_scipy(*row) for row in rows]))
    assert actual == pytest.approx(expected, rel=0.05)  # steps of 1/50 s


def test_perfect_knowledge_follows_the_path_and_better_knowledge_follows_it_better() -> None:
    errors = [
        tracking_error(PLANT, PATHS, lambda states, share=share: share * PLANT.disturbance(states))
        for share in (0.0, 0.5, 0.9, 1.0)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.05 < 0.2 < errors[0]


def test_a_task_is_one_plant_with_noise_on_what_is_known() -> None:
    data = PlantTracking(noise=0.3)
    batch = data.tasks("test", np.arange(40), EPISODE, 0)
    again = data.tasks("test", np.array([7]), EPISODE, 0)
    assert torch.equal(again.query.targets[0], batch.query.targets[7])
    noise = []
    for index in range(40):
        plant = data.plant(data._keys("test", np.array([index]), 0)[0])
        felt = plant.disturbance(batch.query.inputs[index])
        torch.testing.assert_close(felt, batch.query.targets[index])
        noise.append(batch.support.targets[index] - plant.disturbance(batch.support.inputs[index]))
    deviation = float(torch.stack(noise).std())
    assert deviation == pytest.approx(0.3, rel=0.1)
    assert batch.query.targets.std(1).min() > 0 and batch.query.targets.mean(1).std() > 0.3


def test_who_knows_the_equation_predicts_and_tracks_best() -> None:
    data, errors, trials = PlantTracking(), {}, {}
    batch = data.tasks("test", np.arange(3), EPISODE, 0)
    tasks = [task_tools.only(task_tools.part(batch, i, i + 1)) for i in range(3)]

    def asked(answer: Answer, task: Task, x: torch.Tensor) -> torch.Tensor:
        return answer(Task(task.support, Examples(x, torch.zeros(len(x), 1))))

    for name, answer in data.baselines().items():
        own = [functools.partial(asked, answer, task) for task in tasks]
        rows = [f(t.query.inputs) - t.query.targets for f, t in zip(own, tasks, strict=True)]
        errors[name] = float(torch.stack(rows).square().mean())
        trials[name] = sum(data.trial("test", i, 0, f) for i, f in enumerate(own))
    best = "least squares in the plant's own form"
    assert min(errors, key=errors.__getitem__) == min(trials, key=trials.__getitem__) == best
    assert trials[best] < 0.2 * trials["no compensation"]


def test_a_run_reports_its_trials_before_and_after_adapting(tmp_path: Path) -> None:
    train(tmp_path, "dataset=plant_tracking", "evaluation.baselines=true", *FAST)
    trials = json.loads((tmp_path / "results.json").read_text())["trials"]
    names = [own["name"] for own in trials]
    assert names[:2] == ["before adapting", "after adapting"]
    assert names[2:] == list(PlantTracking().baselines())
    none = next(own for own in trials if own["name"] == "no compensation")
    seed, data = 20170306, PlantTracking()
    expected = [
        data.trial("test", index, seed, lambda x: torch.zeros(len(x), 1))
        for index in range(none["tasks"])
    ]
    assert none["mean"] == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.parametrize("check", checks(data_sets).values(), ids=lambda check: check.__name__)
def test_the_tasks_keep_the_promises_of_data_sets(check: Callable[[DataSet], None]) -> None:
    check(DataSet(PlantTracking(), EPISODE, [2], classes=None))


def test_negative_noise_is_refused() -> None:
    with pytest.raises(UserError, match="noise=-1"):
        PlantTracking(noise=-1)
