"""The figures of a run, drawn after its test and sent to its loggers."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from innerloop.reporting.figures import Figures
from innerloop.reporting.send import send
from innerloop.run.tested import Tested

TASKS = 4  #: of the test list, at which figures of single tasks look


def save(
    tested: Tested,
    inside: dict[str, Any],
    attempt: Callable[[str], AbstractContextManager[None]],
) -> dict[str, Path]:
    """Draws and sends them; their files by name.

    Arguments:
        tested: the test on the run's own data set.
        inside: what diagnostics measured, or nothing.
        attempt: in which each figure is drawn, by its name; it may swallow an error.
    """
    data, learner = tested.on.data, tested.learner
    tasks = data.on_after_batch_transfer(data.first("test", TASKS), 0)
    learner.algorithm.eval()
    figures = Figures(
        learner.algorithm, tasks, tested.scores, tested.scored_step,
        learner.progress(learner.loaded["step"]), tested.on.span, inside,
    )  # fmt: skip
    saved: dict[str, Path] = {}
    for name in figures.kinds:
        with attempt(name):
            path = figures.save(name, tested.on.folder)
            saved |= {} if path is None else {name: path}
    sent = {f"figures/{path.stem}": path for path in saved.values()}
    send(tested.trainer.loggers, sent, learner.loaded["step"])
    return saved
