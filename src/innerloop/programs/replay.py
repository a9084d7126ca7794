"""What replay.py does: rebuilds one task of a run, and shows what happened to it."""

from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from innerloop import tasks as task_tools
from innerloop.errors import UserError
from innerloop.inspection import nonfinite
from innerloop.inspection.trajectory import trace
from innerloop.machine.arrays import read_array
from innerloop.machine.foreign import there
from innerloop.reporting import beats, replay_table
from innerloop.reporting.drawing import replay as replay_picture
from innerloop.reporting.finished import SCORES
from innerloop.run import notices
from innerloop.run.replayed import PLACES, ReplayArguments, Replayed, open_run
from innerloop.startup.arguments import positional
from innerloop.tasks import Task

USAGE = f"replay.py RUN {PLACES}; or replay.py A B"


def replay(words: list[str]) -> None:
    """Shows a task of one run, or the tasks where one run beats another.

    Arguments:
        words: the command line: folders, and values such as `task=test/417`.

    Raises:
        UserError: for anything that cannot be shown, saying why.
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
    index = np.array([opened.number])
    raw = opened.data.source.tasks(
        opened.split, index, opened.data.test_episode, opened.data.evaluation_seed
    )
    _show(opened, raw, opened.learner.scored_step, f"{opened.split}_{opened.number}")
    return None


def _show_outer_step(opened: Replayed) -> None:
    data, learner = opened.data, opened.learner
    batch, indices = data.training_batch(opened.number), data.training_indices(opened.number)
    rows = []
    for i, index in enumerate(indices):
        one = opened.ready(task_tools.part(batch, i, i + 1))
        loss, slopes = learner.engine.meta_gradient(learner.algorithm, one, opened.progress)
        norm = torch.stack([s.double().square().sum() for s in slopes.values()]).sum().sqrt()
        rows.append((index, float(loss), float(norm)))
    Console().print(replay_table.outer(rows))
    if opened.chosen is not None and opened.chosen not in indices:
        raise UserError(
            f"Outer step {opened.number} has the training tasks {indices[0]} to {indices[-1]}, "
            f"not {opened.chosen}."
        )
    index = opened.chosen if opened.chosen is not None else _most_interesting(rows)
    i = indices.index(index)
    name = f"train_{opened.number}_{index}"
    _show(opened, task_tools.part(batch, i, i + 1), learner.algorithm.steps, name)


def _most_interesting(rows: list[tuple[int, float, float]]) -> int:
    """The first task that is not finite, or else the one with the largest meta-loss."""
    for index, *numbers in rows:
        if not np.isfinite(numbers).all():
            return index
    return max(rows, key=lambda row: row[1])[0]


def _show(opened: Replayed, raw: Task, steps: int, name: str) -> None:
    algorithm = opened.learner.algorithm
    metric, answers = algorithm.objective.metric.name, algorithm.objective.answers
    tasks = opened.ready(raw)
    taken = trace(algorithm, tasks, steps, opened.progress)
    notices.say(f"{name} of {opened.folder}, from {opened.checkpoint.name}")
    Console().print(replay_table.table(taken, metric))
    notices.say(*_finiteness(opened, tasks, steps), *_scores(opened, tasks, steps, metric))
    place = opened.folder / "replay" / name
    shown = task_tools.plain(task_tools.trimmed(task_tools.only(raw)))
    drawn = replay_picture.picture(place.with_suffix(".png"), shown, taken, answers)
    written = replay_table.write(place.with_suffix(".csv"), taken)
    notices.say(f"picture {drawn}", f"every step {written}")


def _finiteness(opened: Replayed, tasks: Task, steps: int) -> list[str]:
    """Where numbers stopped being finite, in the precision and on the path of the run itself."""
    algorithm, engine = opened.learner.algorithm, opened.learner.engine
    broken = nonfinite.broken_from_the_start(algorithm, tasks)
    with nonfinite.watched(algorithm) as watch:
        if opened.split == "train":
            engine.meta_gradient(algorithm, tasks, opened.progress)
        else:
            engine.scores(algorithm, tasks, steps, opened.progress)
    lines = [f"not finite from the start: {name}" for name in broken]
    lines += [f"first {kind}: {finding}" for kind, finding in watch.findings.items()]
    return lines or ["every operation gave finite numbers"]


def _scores(opened: Replayed, tasks: Task, steps: int, metric: str) -> list[str]:
    """The task's score as the test computes it, beside the one that the test kept."""
    if opened.split == "train":
        return []
    learner = opened.learner
    curve = learner.engine.scores(learner.algorithm, tasks, steps, opened.progress)[metric][0]
    line = f"{metric} {float(curve[-1]):.6g}"
    file = opened.folder / SCORES
    if opened.split != "test" or opened.checkpoint.name != "best.ckpt" or not there(file):
        return [line]
    kept = read_array(file, metric)
    if kept is None or kept.ndim != 2 or kept.shape[1] < len(curve):
        return [f"{line}; {file} does not hold it"]
    if opened.number >= len(kept):
        return [f"{line}; the test had {len(kept)} tasks"]
    return [f"{line}; the test kept {kept[opened.number, len(curve) - 1]:.6g}"]


def _compare(first: Path, second: Path, top: int) -> None:
    metric, lost = beats.beaten(first, second, top)
    Console().print(replay_table.beaten(metric, lost, ("A", "B")))
    notices.say(f"A {first}", f"B {second}")
    if lost:
        notices.say(f"to see one: python src/replay.py {first} task=test/{lost[0].task}")
    else:
        notices.say("A beats B on none of the test tasks")
