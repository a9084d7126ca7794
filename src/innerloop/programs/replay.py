"""The program replay.py: shows one task of a run, or compares two runs task by task."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from innerloop import tasks as task_tools
from innerloop.errors import UserError
from innerloop.experiment import notices
from innerloop.experiment.replayed import PLACES, ReplayArguments, Replayed, open_run
from innerloop.programs.replayed_task import show
from innerloop.reporting import beats, replay_table
from innerloop.startup.arguments import positional
from innerloop.tasks import Task

USAGE = f"replay.py RUN {PLACES}; or replay.py A B"


def replay(words: list[str]) -> None:
    """Shows a task of one run, or the tasks on which one run beats another.

    Arguments:
        words: the command line: folders, and values such as `task=test/417`.

    Raises:
        UserError: for a task that cannot be shown, and why.
    """
    paths, rest = positional(words)
    runs, given = [Path(path).expanduser() for path in paths], ReplayArguments.parse(rest)
    if len(runs) == 2:
        return _compare(runs[0], runs[1], given.top)
    if len(runs) != 1 or given.task is None:
        raise UserError(f"Say which task of which run: {USAGE}.")
    opened = open_run(runs[0], given.task, given)
    if opened.split == "train":
        return _show_outer_step(opened)
    return _show_evaluation_task(opened)


def _show_evaluation_task(opened: Replayed) -> None:
    data, index = opened.data, np.array([opened.number])
    raw = data.source.tasks(opened.split, index, data.sizes(opened.split), data.evaluation_seed)
    show(opened, raw, opened.learner.scored_step, f"{opened.split}_{opened.number}")


def _show_outer_step(opened: Replayed) -> None:
    """Lists the tasks of an outer step, and shows the chosen one or else the most interesting."""
    batch = opened.data.training_batch(opened.number)
    indices = opened.data.training_indices(opened.number)
    rows = _meta_losses(opened, batch, indices)
    Console().print(replay_table.outer(rows))
    if opened.chosen is not None and opened.chosen not in indices:
        raise UserError(
            f"Outer step {opened.number} has the training tasks {indices[0]} to {indices[-1]}, "
            f"not {opened.chosen}."
        )
    index = opened.chosen if opened.chosen is not None else _most_interesting(rows)
    i = indices.index(index)
    task, steps = task_tools.part(batch, i, i + 1), opened.learner.algorithm.steps
    show(opened, task, steps, f"train_{opened.number}_{index}")


def _meta_losses(
    opened: Replayed, batch: Task, indices: Sequence[int]
) -> list[tuple[int, float, float]]:
    """Index, meta-loss and norm of the meta-gradient of each task in a batch."""
    learner, rows = opened.learner, []
    for i, index in enumerate(indices):
        task = opened.ready(task_tools.part(batch, i, i + 1))
        loss, slopes = learner.engine.meta_gradient(learner.algorithm, task, opened.progress)
        norm = torch.stack([s.double().square().sum() for s in slopes.values()]).sum().sqrt()
        rows.append((index, float(loss), float(norm)))
    return rows


def _most_interesting(rows: list[tuple[int, float, float]]) -> int:
    """The first task that is not finite, or else the one with the largest meta-loss."""
    for index, *numbers in rows:
        if not np.isfinite(numbers).all():
            return index
    return max(rows, key=lambda row: row[1])[0]


def _compare(first: Path, second: Path, top: int) -> None:
    """Lists the test tasks on which the first run beats the second most."""
    metric, tasks = beats.beaten(first, second, top)
    Console().print(replay_table.beaten(metric, tasks, ("A", "B")))
    notices.say(f"A {first}", f"B {second}")
    if tasks:
        notices.say(f"to see one: python src/replay.py {first} task=test/{tasks[0].task}")
    else:
        notices.say("A beats B on none of the test tasks")
