"""Tests that every algorithm of conf/algorithm must pass; new files are included automatically."""

from typing import Any

import pytest
import torch
from helpers import NOW, SmoothConv, algorithm, choices, config, data_for, run, tasks, waves
from hydra.errors import InstantiationException
from torch.func import functional_call, grad_and_value

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.algorithms.no_op import NoOp
from innerloop.experiment.problem import build_problem
from innerloop.objectives import Classification
from innerloop.startup import command
from innerloop.tasks import Examples, Task

CLOSE: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(params=choices("algorithm"))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def learner(name: str) -> Algorithm:
    return algorithm(name)


def outputs(learner: Algorithm, task: Task, steps: int = 3) -> torch.Tensor:
    """Outputs for the queries of one task after the last step."""
    *_, (_, answers) = learner.trajectory(task, steps, NOW)
    return answers


def reordered(examples: Examples, order: torch.Tensor) -> Examples:
    return Examples(examples.inputs[order], examples.targets[order])


def test_adapt_yields_the_start_and_every_step(learner: Algorithm) -> None:
    task = task_tools.only(learner.embed(tasks(1)))
    yields = len(list(learner.adapt(task.support, 3, NOW)))
    assert yields == (4 if learner.adapts_by_steps else 1)


def contents(learner: Algorithm) -> dict[str, Any]:
    """The identity of every attribute of every module, and version and value of every tensor."""
    state: dict[str, Any] = {}
    for name, module in learner.named_modules():
        state |= {f"{name}.{key}": id(value) for key, value in vars(module).items()}
    for name, value in [*learner.named_parameters(), *learner.named_buffers()]:
        state[name] = (value._version, value.tolist(), value.grad)
    return state


def test_adapting_leaves_the_learner_unchanged(name: str) -> None:
    learner, batch = algorithm(name, SmoothConv("running")), tasks(2, shape=(1, 4, 4))
    before = contents(learner)
    outputs(learner, task_tools.only(batch))
    learner.scores(batch, 2, NOW)
    run(learner, batch)
    assert contents(learner) == before


def test_the_same_task_gives_the_same_outputs_and_gradient(learner: Algorithm) -> None:
    batch = tasks(2)
    first, other = task_tools.part(batch, 0, 1), task_tools.part(batch, 1, 2)
    before = outputs(learner, task_tools.only(first)), *run(learner, first)
    outputs(learner, task_tools.only(other))  # adapting to another task in between changes nothing
    after = outputs(learner, task_tools.only(first)), *run(learner, first)
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_a_batch_of_tasks_equals_each_task_alone(learner: Algorithm) -> None:
    batch = tasks(3)
    (loss, gradient), singles = run(learner, batch), []
    for i in range(3):
        singles.append(run(learner, task_tools.part(batch, i, i + 1)))
    torch.testing.assert_close(loss, sum(one for one, _ in singles) / 3, **CLOSE)
    for key in gradient:
        torch.testing.assert_close(gradient[key], sum(g[key] for _, g in singles) / 3, **CLOSE)


def test_scores_equal_the_metrics_of_the_predictions(learner: Algorithm) -> None:
    batch = tasks(2)
    scores = learner.scores(batch, 3, NOW)
    for i in range(2):
        task = task_tools.only(task_tools.part(batch, i, i + 1))
        hits = (outputs(learner, task).argmax(-1) == task.query.targets).double().mean()
        torch.testing.assert_close(scores["accuracy"][i, -1].double(), hits)


def test_a_query_gets_the_same_prediction_alone_or_among_others(learner: Algorithm) -> None:
    if learner.joint_queries:
        pytest.skip("its answers may depend on the other queries")
    task = task_tools.only(tasks(1))
    together = outputs(learner, task)
    for i in range(len(together)):
        single = Examples(task.query.inputs[i : i + 1], task.query.targets[i : i + 1])
        torch.testing.assert_close(
            outputs(learner, Task(task.support, single))[0], together[i], **CLOSE
        )


def test_without_fixed_ways_a_learner_takes_any_number_of_classes(learner: Algorithm) -> None:
    """A learner whose head is not trained has one output for each class of a task."""
    objective = Classification(3, 5)
    learner.objective = objective
    task = task_tools.only(tasks(1, ways=3 if learner.fixed_ways else 5))
    assert outputs(learner.eval(), task).shape[-1] == (3 if learner.fixed_ways else 5)


def test_a_trajectory_equals_adapt_then_predict(learner: Algorithm) -> None:
    batch = tasks(2)
    embedded = learner.embed(batch)
    for i in range(2):
        task, features = (task_tools.only(task_tools.part(b, i, i + 1)) for b in (batch, embedded))
        path = list(learner.trajectory(task, 3, NOW))
        expected = [
            learner.predict(adapted, features.query.inputs)
            for adapted in learner.adapt(features.support, 3, NOW)
        ]
        torch.testing.assert_close([o for _, o in path], expected, **CLOSE)
        last = list(learner.trajectory(task, 3, NOW, at=(3,)))
        torch.testing.assert_close(last[-1][1], expected[-1], **CLOSE)
        assert len(last) == 1


def test_reordering_queries_only_permutes_the_outputs(learner: Algorithm) -> None:
    task, order = task_tools.only(tasks(1)), torch.randperm(6)
    other = Task(task.support, reordered(task.query, order))
    torch.testing.assert_close(outputs(learner, other), outputs(learner, task)[order], **CLOSE)


def test_reordering_the_support_matters_only_where_declared(learner: Algorithm) -> None:
    task = task_tools.only(tasks(1, shots=5))
    other = Task(reordered(task.support, torch.randperm(15)), task.query)
    gap = (outputs(learner, other) - outputs(learner, task)).abs().max()
    assert (gap > 1e-8) == learner.shuffling_changes


def test_relabelling_classes_permutes_the_outputs_where_declared(learner: Algorithm) -> None:
    task, names = task_tools.only(tasks(1)), torch.tensor([2, 0, 1])
    other = Task(Examples(task.support.inputs, names[task.support.targets]), task.query)
    gap = (outputs(learner, other)[:, names] - outputs(learner, task)).abs().max()
    assert (gap < 1e-10) == learner.relabelling_permutes


def test_functional_gradient_equals_autograds_gradient(learner: Algorithm) -> None:
    batch = tasks(3)
    loss, gradient = run(learner, batch)

    def mean_loss(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        return functional_call(learner, parameters, (batch, NOW))

    values = {k: p.detach() for k, p in learner.named_parameters()}
    functional, value = grad_and_value(mean_loss)(values)
    torch.testing.assert_close(value, loss, **CLOSE)
    for key in gradient:
        torch.testing.assert_close(functional[key], gradient[key], **CLOSE)


def test_every_parameter_gets_a_gradient(learner: Algorithm) -> None:
    _, gradient = run(learner, tasks(4))
    reached = [bool(g.abs().max() > 0) for g in gradient.values()]
    assert not any(reached) if isinstance(learner, NoOp) else all(reached)


def test_an_outer_step_lowers_the_loss(learner: Algorithm) -> None:
    if not learner.exact_meta_gradient:
        pytest.skip("its outer gradient is not that of the loss as a function of the parameters")
    batch = tasks(3)
    loss, gradient = run(learner, batch)
    with torch.no_grad():
        for name, p in learner.named_parameters():
            p -= 1e-3 * gradient[name]
    assert run(learner, batch)[0] < loss


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
