"""A run's life at W&B, where it has the logger: introduced at its start, completed by its test."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from innerloop.callbacks.wandb_log import WandbLog
from innerloop.dashboards import finished
from innerloop.dashboards.episodes import Episodes
from innerloop.evaluation.sizes import setting
from innerloop.run.experiment import Experiment
from innerloop.tasks import Episode


def introduce(made: Experiment) -> None:
    """Opens the W&B run with the resolved configuration."""
    config, test = made.config, made.config.episode.test
    name = setting(config.names.dataset, config.names.algorithm, Episode.of(test))
    for log in _logs(made):
        content: Any = OmegaConf.to_container(config, resolve=True)
        flat = {f"{key}_name": config.names[key] for key in ("algorithm", "dataset")}
        log.introduce(name, config.seed, content | flat)


def complete(made: Experiment, checkpoint: Path | None, results: dict[str, Any]) -> None:
    """Sends what the test left.

    Arguments:
        checkpoint: the file that this run made and tested, if it made one.
        results: what `results.json` holds.
    """
    folder = Path(made.config.paths.run)
    for log in _logs(made):
        with finished.staged(folder):
            _send(made, log, checkpoint, results)


def _send(
    made: Experiment, log: WandbLog, checkpoint: Path | None, results: dict[str, Any]
) -> None:
    run = log.experiment
    finished.summary(run, results)
    finished.curve(run, results)
    if log.episodes:
        finished.episodes(run, _episodes(made, log.episodes))
    if log.code:
        finished.code(run)
    if log.checkpoint and checkpoint is not None:
        finished.checkpoint(run, checkpoint)


def _logs(made: Experiment) -> list[WandbLog]:
    return [log for log in made.trainer.loggers if isinstance(log, WandbLog)]


def _episodes(made: Experiment, count: int) -> Episodes:
    learner, data = made.learner, made.data
    raw = data.first("test", count)
    steps, progress = learner.scored_step, learner.progress(learner.loaded["step"])
    tasks = data.on_after_batch_transfer(raw, 0)
    return Episodes(learner.algorithm, raw, tasks, steps, progress)
