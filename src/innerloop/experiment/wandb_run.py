"""A run at W&B, if it has that logger: its configuration at the start, its results at the end."""

from pathlib import Path

import lightning

from innerloop.callbacks.wandb_log import WandbLog
from innerloop.dashboards import finished
from innerloop.dashboards.episodes import Episodes
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested


def introduce(experiment: Experiment) -> None:
    """Opens the W&B run with the resolved configuration."""
    facts = experiment.facts
    flat = {"algorithm_name": facts["algorithm"], "dataset_name": experiment.own.name}
    for log in _logs(experiment.trainer):
        log.introduce(experiment.name, facts["seed"], experiment.plain.resolved | flat)


def complete(tested: Tested, checkpoint: Path | None, results: PlainDict) -> None:
    """Sends the results of the test.

    Arguments:
        checkpoint: the file that was trained and tested; None if nothing was trained.
        results: the content of `results.json`.
    """
    for log in _logs(tested.trainer):
        episodes = _episodes(tested, log.episodes) if log.episodes else None
        with finished.staged(tested.on.folder):
            finished.summary(log.experiment, results)
            finished.curve(log.experiment, results)
            if episodes is not None:
                finished.episodes(log.experiment, episodes)
            if log.code:
                finished.code(log.experiment)
            if log.checkpoint and checkpoint is not None:
                finished.checkpoint(log.experiment, checkpoint)


def _logs(trainer: lightning.Trainer) -> list[WandbLog]:
    return [log for log in trainer.loggers if isinstance(log, WandbLog)]


def _episodes(tested: Tested, count: int) -> Episodes:
    raw = tested.on.data.first("test", count)
    tasks = tested.on.data.on_after_batch_transfer(raw, 0)
    algorithm = tested.learner.algorithm
    return Episodes(
        algorithm=algorithm,
        raw=raw,
        tasks=tasks,
        steps=tested.scored_step,
        progress=tested.progress,
    )
