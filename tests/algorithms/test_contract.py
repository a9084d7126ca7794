"""Tests that every algorithm of conf/algorithm must pass; new files are included automatically."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from helpers import (
    NOW,
    SmoothConv,
    algorithm,
    config,
    data_for,
    learners,
    run,
    tasks,
    waves,
)
from hydra.errors import InstantiationException

from innerloop import tasks as task_tools
from innerloop.conformance import answers, meta_gradients
from innerloop.conformance.failure import checks
from innerloop.conformance.subject import Subject
from innerloop.experiment.problem import build_problem
from innerloop.objectives import Classification
from innerloop.startup import command
from innerloop.tasks import Task

CHECKS = checks(answers, meta_gradients)


@pytest.fixture(params=learners())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("check", CHECKS.values(), ids=[c.__name__ for c in CHECKS.values()])
def test_a_promise_is_kept(name: str, check: Callable[[Subject], None]) -> None:
    check(Subject(lambda: algorithm(name), tasks))


def test_adapting_leaves_running_averages_unchanged(name: str) -> None:
    make = partial(algorithm, name, SmoothConv("running"))
    answers.adapting_changes_nothing_of_the_learner(Subject(make, partial(tasks, shape=(1, 4, 4))))


def test_without_fixed_ways_a_learner_takes_more_classes_than_in_training(name: str) -> None:
    learner = algorithm(name).eval()
    learner.objective = Classification(3, 5)
    ways = 3 if learner.fixed_ways else 5
    task = task_tools.only(tasks(1, ways=ways))
    *_, (_, answer) = learner.trajectory(task, 3, NOW)
    assert answer.shape[-1] == ways


def test_regression_is_trained_or_refused(name: str) -> None:
    if algorithm(name).needs_classes:
        with pytest.raises(InstantiationException) as caught:
            algorithm(name, regression=True)
        assert "choose algorithm=maml" in str(command.explain(caught.value))
        return
    learner, batch = algorithm(name, regression=True), waves(32, shots=20, queries=20)
    scores = learner.scores(batch, 2, NOW)["mse"]
    assert scores.shape == (32, 3 if learner.adapts_by_steps else 1)
    if learner.adapts_by_steps:
        assert (scores.mean(0).diff() < 0).all()


@pytest.mark.parametrize("dataset", ["sinusoid", "glyphs"])
def test_the_configuration_builds_a_learner_that_fits_its_data_set(name: str, dataset: str) -> None:
    composed = config(f"algorithm={name}", *data_for(name, dataset), "outer.tasks=2")
    if dataset == "glyphs":
        composed.model.body.filters = 4
    if dataset == "sinusoid" and algorithm(name).needs_classes:
        with pytest.raises(InstantiationException) as caught:
            build_problem(composed)
        assert "choose algorithm=maml" in str(command.explain(caught.value))
        return
    problem = build_problem(composed)
    learner, data = problem.algorithm, problem.data
    batch = data.on_after_batch_transfer(data.training_batch(0), 0)
    loss, gradient = run(learner, batch)
    assert torch.isfinite(loss) and all(torch.isfinite(g).all() for g in gradient.values())
    if learner.adapts_by_steps:  # to its support, which the support's loss must show
        support = data.on_after_batch_transfer(data.first("val", 2), 0).support
        again = learner.eval().scores(Task(support, support), 3, NOW)
        assert (again["mse" if dataset == "sinusoid" else "loss"].mean(0).diff() < 0).all()
