"""The figures of a run, drawn after its test and sent to its loggers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from torch import Tensor

from innerloop.data.sketch import Sketch
from innerloop.evaluation.sizes import setting
from innerloop.experiment import answered, forms
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.reporting.figures import Figures
from innerloop.reporting.learning_log import Learning, Paper, logged
from innerloop.reporting.send import send
from innerloop.startup import published

TASKS = 4  #: test tasks that figures of single tasks may show


def save(
    tested: Tested,
    inside: PlainDict,
    title: str,
    attempt: Callable[[str], AbstractContextManager[None]],
) -> dict[str, Path]:
    """Draws the figures and sends them to the loggers.

    Arguments:
        tested: the test on the run's own data set.
        inside: what diagnostics measured; may be empty.
        title: a sentence above each figure, which says what was found.
        attempt: the context in which the figure of a name is drawn; it may suppress errors.

    Returns:
        the files that were written, by name.
    """
    data, learner = tested.on.data, tested.learner
    tasks = data.on_after_batch_transfer(data.first("test", TASKS), 0)
    shown = None
    with attempt("answers"):
        shown = answered.answered(tested)
        answered.write_answers(tested)
    learner.algorithm.eval()
    figures = Figures(
        algorithm=learner.algorithm,
        tasks=tasks,
        scores=tested.scores,
        scored_step=tested.scored_step,
        progress=learner.progress(learner.loaded["step"]),
        span=tested.on.span,
        entries=inside,
        names=_names(tested),
        learning=_learning(tested),
        answered=shown,
        pooled=tested.pooled(),
        sketch=partial(_sketch, tested),
        title=title,
    )
    saved: dict[str, Path] = {}
    for name in work.each("Figures", figures.kinds, len(figures.kinds)):
        with attempt(name):
            path = figures.save(name, tested.on.folder)
            saved |= {} if path is None else {name: path}
    sent = {f"figures/{path.stem}": path for path in saved.values()}
    send(tested.trainer.loggers, sent, learner.loaded["step"])
    return saved


def _names(tested: Tested) -> list[str] | None:
    """Names of the first task's classes, by label."""
    names, classes = tested.on.data.source.class_names("test"), tested.classes
    if names is None or classes is None:
        return None
    return ["" if number < 0 else names[number] for number in classes[0]]


def _learning(tested: Tested) -> Learning | None:
    """The learning curve, and the paper's figure for this setting."""
    metric, record = tested.on.objective.metric, tested.learner.record()
    points = logged(tested.on.folder, metric.name)
    name = setting(
        tested.on.name, record["config"]["names"]["algorithm"], tested.on.data.test_episode
    )
    figure = published.figures().get(name, {}).get("paper")
    return Learning(points, tested.learner.steps, record["seconds"] / 60, _paper(figure, tested))


def _paper(figure: published.Figure | None, tested: Tested) -> Paper | None:
    """A paper's value at the scored step; None without one."""
    if figure is None or figure["metric"] != tested.on.objective.metric.name:
        return None
    source = figure["source"].partition(",")[0]
    value = figure.get("value", figure.get("after", {}).get(tested.scored_step))
    return None if value is None else Paper(value, source)


def _sketch(tested: Tested, outputs: Tensor) -> Sketch | None:
    """What the data set, in the first of its forms that can, shows of the first test task."""
    data = tested.on.data
    for form in forms.forms(data.source):
        task = next(forms.test_tasks(data, form, 1))
        if (sketch := form.sketch(task, outputs.cpu())) is not None:
            return sketch
    return None
