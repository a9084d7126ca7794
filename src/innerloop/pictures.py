"""The figures of a run, drawn after its test and sent to its loggers."""

from pathlib import Path

from innerloop.callbacks.inside_log import found_by
from innerloop.experiment import Experiment
from innerloop.reporting.figures import Figures
from innerloop.reporting.send import send

TASKS = 4  #: of the test list, at which figures of single tasks look


def save(made: Experiment) -> dict[str, Path]:
    """Draws and sends them; their files by name."""
    data, learner, trainer = made.data, made.learner, made.trainer
    tasks = data.on_after_batch_transfer(data.first("test", TASKS), 0)
    learner.algorithm.eval()
    saved = Figures(
        learner.algorithm, tasks, learner.test_scores, learner.scored_step,
        made.config.dataset.get("span"), found_by(trainer),
    ).save(Path(made.config.paths.run))  # fmt: skip
    sent = {f"figures/{path.stem}": path for path in saved.values()}
    send(trainer.loggers, sent, learner.loaded["step"])
    return saved
