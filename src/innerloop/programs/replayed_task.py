"""One task of a run, shown from inside: a table, a picture, and where numbers stop being finite."""

import numpy as np
from rich.console import Console

from innerloop import tasks as task_tools
from innerloop.evaluation.results import CURVE
from innerloop.experiment import notices
from innerloop.experiment.replayed import Replayed
from innerloop.inspection import nonfinite
from innerloop.inspection.trajectory import Step, trace
from innerloop.machine.arrays import read_array
from innerloop.machine.foreign import there
from innerloop.reporting import replay_table
from innerloop.reporting.drawing import replay as replay_picture
from innerloop.reporting.finished import SCORES
from innerloop.reporting.numbers import number
from innerloop.tasks import Task


def show(opened: Replayed, raw: Task, steps: int, name: str) -> None:
    """Prints how a task was learned, and writes its picture and its table.

    Arguments:
        raw: a batch of one task, as the data set gives it.
        steps: inner steps.
        name: of the task, for titles and files.
    """
    algorithm = opened.learner.algorithm
    metric, answers = algorithm.objective.metric.name, algorithm.objective.answers
    tasks = opened.ready(raw)
    trajectory = trace(algorithm, tasks, steps, opened.progress)
    notices.say(f"{name} of {opened.folder}, from {opened.checkpoint.name}")
    Console().print(replay_table.table(trajectory, metric))
    notices.say(*_finiteness(opened, tasks, steps), *_scores(opened, tasks, steps, metric))
    place = opened.folder / "replay" / name
    shown = task_tools.plain(task_tools.trimmed(task_tools.only(raw)))
    title = _in_words(opened, name, trajectory)
    picture = replay_picture.picture(place.with_suffix(".png"), shown, trajectory, answers, title)
    steps_file = replay_table.write(place.with_suffix(".csv"), trajectory)
    notices.say(f"picture {picture}", f"every step {steps_file}")


def _in_words(opened: Replayed, name: str, path: list[Step]) -> str:
    """What was adapted to what, and the score before and after."""
    names = opened.config.names
    metric, last = opened.learner.algorithm.objective.metric, path[-1]
    before = f"{number(path[0].score, metric)} -> " if last.step else ""
    after = f" after {last.step} inner step{'s' * (last.step > 1)}" if last.step else ""
    score = f"{metric.name} {before}{number(last.score, metric)}{after}"
    return f"{names.algorithm} on task {name} of {names.dataset}: {score}"


def _finiteness(opened: Replayed, tasks: Task, steps: int) -> list[str]:
    """Lines that say where numbers stop being finite, computed as in the run itself."""
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
    """A line with the score of the task, and the score that the test kept for comparison."""
    if opened.split == "train":
        return []
    learner = opened.learner
    curve = learner.engine.scores(learner.algorithm, tasks, steps, opened.progress)[metric][0]
    line = f"{metric} {float(curve[-1]):.6g}"
    file = opened.folder / SCORES
    if opened.split != "test" or opened.checkpoint.name != "best.ckpt" or not there(file):
        return [line]
    kept = _kept(opened, metric, step=len(curve) - 1)
    if kept is None:
        return [f"{line}; {file} does not hold it"]
    if opened.number >= len(kept):
        return [f"{line}; the test kept {len(kept)} tasks after this step"]
    return [f"{line}; the test kept {kept[opened.number]:.6g}"]


def _kept(opened: Replayed, metric: str, step: int) -> np.ndarray | None:
    """The scores that the test kept of an inner step, `(tasks,)`; None if it did not."""
    file, scored = opened.folder / SCORES, step == opened.learner.scored_step
    if scored and (values := read_array(file, metric)) is not None and values.ndim == 1:
        return values
    curve = read_array(file, f"{CURVE}{metric}")
    known = curve is not None and curve.ndim == 2 and curve.shape[1] > step
    return curve[:, step] if curve is not None and known else None
