"""A run's life at W&B, where it has the logger: introduced at its start, completed by its test."""

from pathlib import Path
from typing import Any

from innerloop.callbacks.wandb_log import WandbLog
from innerloop.dashboards import finished
from innerloop.dashboards.episodes import Episodes
from innerloop.run.experiment import Experiment


def introduce(experiment: Experiment) -> None:
    """Opens the W&B run with the resolved configuration."""
    facts = experiment.facts
    flat = {"algorithm_name": facts["algorithm"], "dataset_name": experiment.own.name}
    for log in _logs(experiment):
        log.introduce(experiment.name, facts["seed"], experiment.plain.resolved | flat)


def complete(experiment: Experiment, checkpoint: Path | None, results: dict[str, Any]) -> None:
    """Sends what the test left.

    Arguments:
        checkpoint: the file that was trained and tested; None if nothing was trained.
        results: what `results.json` holds.
    """
    for log in _logs(experiment):
        episodes = _episodes(experiment, log.episodes) if log.episodes else None
        with finished.staged(experiment.folder):
            finished.summary(log.experiment, results)
            finished.curve(log.experiment, results)
            if episodes is not None:
                finished.episodes(log.experiment, episodes)
            if log.code:
                finished.code(log.experiment)
            if log.checkpoint and checkpoint is not None:
                finished.checkpoint(log.experiment, checkpoint)


def _logs(experiment: Experiment) -> list[WandbLog]:
    return [log for log in experiment.trainer.loggers if isinstance(log, WandbLog)]


def _episodes(experiment: Experiment, count: int) -> Episodes:
    learner, data = experiment.learner, experiment.own.data
    raw = data.first("test", count)
    steps, progress = learner.scored_step, learner.progress(learner.loaded["step"])
    tasks = data.on_after_batch_transfer(raw, 0)
    return Episodes(learner.algorithm, raw, tasks, steps, progress)
