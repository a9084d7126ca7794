"""Trials of a test's tasks: what happens when a learner's answers are acted on."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Adapted, Algorithm
from innerloop.evaluation.interval import over_tasks
from innerloop.experiment import forms
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.tasks import Examples, Inputs, Task

TRIALS = 30  #: tasks of a test that are tried
Answer = Callable[[Inputs], Tensor]


def of_test(tested: Tested) -> list[PlainDict]:
    """Scores of trials of the first test tasks, for `results.json`: of the learner before and after
    adapting, and of the baselines. Empty if the data set has no trials.

    Each entry has `name`, `mean` and `ci95`.
    """
    data = tested.on.data
    if not data.source.has_trials:
        return []
    count = min(TRIALS, data.test_tasks)
    scores: dict[str, list[float]] = {}
    tasks = forms.test_tasks(data, data.source, count)
    for index, task in enumerate(work.each("trials", tasks, count)):
        for name, answer in _answers(tested, task):
            with torch.no_grad():
                score = data.source.trial("test", index, data.evaluation_seed, answer)
            scores.setdefault(name, []).append(score)
    return [{"name": name, **over_tasks(torch.tensor(own))._asdict()}
            for name, own in scores.items()]  # fmt: skip


def _answers(tested: Tested, task: Task) -> Iterator[tuple[str, Answer]]:
    """What predicts for a task, by name."""
    algorithm, last = tested.learner.algorithm, tested.scored_step
    with torch.no_grad():
        path = [adapted for adapted, _ in algorithm.trajectory(task, last, tested.progress.cpu())]
    if len(path) > 1:
        yield "before adapting", _predictor(algorithm, task, path[0])
    yield "after adapting", _predictor(algorithm, task, path[-1])
    for name, answer in tested.on.data.source.baselines().items():
        yield name, _baseline(answer, task)


def _baseline(answer: Callable[[Task], Tensor], task: Task) -> Answer:
    return lambda inputs: answer(_asked(task, inputs))


def _predictor(algorithm: Algorithm, task: Task, adapted: Adapted) -> Answer:
    """Answers of what was adapted to a task."""

    def answer(inputs: Inputs) -> Tensor:
        asked = _asked(task, inputs)
        if algorithm.embeds:
            asked = task_tools.only(algorithm.embed(task_tools.alone(asked)))
        return algorithm.predict(adapted, asked.query.inputs)

    return answer


def _asked(task: Task, inputs: Inputs) -> Task:
    """The task with other queries."""
    count = task_tools.count(inputs)
    return Task(task.support, Examples(inputs, task.query.targets.new_zeros(count, 1)))
