"""The test tasks of a data set in each of their forms, such as texts and their features."""

from collections.abc import Iterator

import numpy as np

from innerloop import tasks as task_tools
from innerloop.data.module import TaskData
from innerloop.data.padding import map_inputs
from innerloop.data.source import TaskSource
from innerloop.tasks import Task


def forms(source: TaskSource) -> Iterator[TaskSource]:
    """The data set, then the one that it was made from, and so on."""
    form: TaskSource | None = source
    while form is not None:
        yield form
        form = form.underlying


def test_tasks(data: TaskData, form: TaskSource, count: int) -> Iterator[Task]:
    """The first `count` test tasks one by one, on the CPU, without padding, inputs transformed."""
    for indices in np.array_split(np.arange(count), -(-count // data.batch)):
        batch = form.tasks("test", indices, data.test_episode, data.evaluation_seed)
        ready = map_inputs(form.transform, batch)
        for place in range(len(indices)):
            task = task_tools.only(task_tools.part(ready, place, place + 1))
            yield task_tools.plain(task_tools.trimmed(task))
