"""The figures of a run, drawn after its test and sent to its loggers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from torch import Tensor

from innerloop.data.sketch import Sketch
from innerloop.experiment import forms
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested
from innerloop.machine import work
from innerloop.reporting.figures import Figures
from innerloop.reporting.send import send

TASKS = 4  #: test tasks that figures of single tasks may show


def save(
    tested: Tested,
    inside: PlainDict,
    attempt: Callable[[str], AbstractContextManager[None]],
) -> dict[str, Path]:
    """Draws the figures and sends them to the loggers.

    Arguments:
        tested: the test on the run's own data set.
        inside: what diagnostics measured; may be empty.
        attempt: the context in which the figure of a name is drawn; it may suppress errors.

    Returns:
        the files that were written, by name.
    """
    data, learner = tested.on.data, tested.learner
    tasks = data.on_after_batch_transfer(data.first("test", TASKS), 0)
    learner.algorithm.eval()
    figures = Figures(
        algorithm=learner.algorithm,
        tasks=tasks,
        scores=tested.scores,
        scored_step=tested.scored_step,
        progress=learner.progress(learner.loaded["step"]),
        span=tested.on.span,
        entries=inside,
        sketch=partial(_sketch, tested),
    )
    saved: dict[str, Path] = {}
    for name in work.each("Figures", figures.kinds, len(figures.kinds)):
        with attempt(name):
            path = figures.save(name, tested.on.folder)
            saved |= {} if path is None else {name: path}
    sent = {f"figures/{path.stem}": path for path in saved.values()}
    send(tested.trainer.loggers, sent, learner.loaded["step"])
    return saved


def _sketch(tested: Tested, outputs: Tensor) -> Sketch | None:
    """What the data set, in the first of its forms that can, shows of the first test task."""
    data = tested.on.data
    for form in forms.forms(data.source):
        task = next(forms.test_tasks(data, form, 1))
        if (sketch := form.sketch(task, outputs.cpu())) is not None:
            return sketch
    return None
