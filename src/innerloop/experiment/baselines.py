"""The baselines of a data set, scored on the tasks of a test and compared with the learner."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from innerloop.evaluation import comparison
from innerloop.evaluation.baseline import BASELINES
from innerloop.evaluation.interval import over_tasks
from innerloop.experiment import forms
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.machine.files import whole_file
from innerloop.tasks import Task


def of_test(tested: Tested) -> list[PlainDict]:
    """Means of the baselines, and the learner's paired differences to them, for `results.json`.

    Each entry has `name`, `mean`, `ci95`, and of the learner minus the baseline `difference`,
    `difference_ci95` and `p`, corrected by Holm; `others` has the means of the other metrics. The
    scores of every task are written to `baselines.npz`.
    """
    metric = tested.on.objective.metric.name
    learner = tested.scores.scored[metric]
    every = {
        name: _scores(tested, work.each(name, tasks, tested.on.data.test_tasks), answer)
        for name, tasks, answer in _every(tested)
    }
    if not every:
        return []
    scores = {name: own.pop(metric) for name, own in every.items()}
    with whole_file(tested.on.folder / BASELINES) as file:
        np.savez_compressed(file, **{name: own.numpy() for name, own in scores.items()})  # type: ignore[arg-type]
    against = [comparison.paired(learner.numpy(), own.numpy()) for own in scores.values()]
    corrected = comparison.holm([1.0 if d.p is None else d.p for d in against])
    return [
        {
            "name": name,
            **over_tasks(own)._asdict(),
            "difference": difference.mean,
            "difference_ci95": difference.ci95,
            "p": p,
            "others": {key: float(values.mean()) for key, values in every[name].items()},
        }
        for (name, own), difference, p in zip(scores.items(), against, corrected, strict=True)
    ]


def _every(tested: Tested) -> Iterator[tuple[str, Iterator[Task], Callable[[Task], Tensor]]]:
    """Names, tasks and answers of the baselines of every form of the data set."""
    data = tested.on.data
    for form in forms.forms(data.source):
        for name, answer in form.baselines().items():
            yield name, forms.test_tasks(data, form, data.test_tasks), answer


def _scores(
    tested: Tested, tasks: Iterator[Task], answer: Callable[[Task], Tensor]
) -> dict[str, Tensor]:
    """The scalar metrics of each task, `(tasks,)`."""
    objective = tested.on.objective
    with torch.no_grad():
        rows = [objective.scores(answer(task), task.query.targets) for task in tasks]
    names = [name for name, value in rows[0].items() if value.dim() == 0]
    return {name: torch.stack([row[name] for row in rows]).float() for name in names}
