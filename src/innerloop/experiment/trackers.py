"""What the trackers get of a run: its configuration at the start, its results at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import lightning
from lightning.pytorch.loggers import Logger

from innerloop.callbacks.mlflow_log import MLflowLog
from innerloop.callbacks.tensorboard_log import TensorBoardLog
from innerloop.callbacks.wandb_log import WandbLog
from innerloop.dashboards import finished, single
from innerloop.dashboards.episodes import Episodes
from innerloop.evaluation.sizes import short_size
from innerloop.experiment.experiment import Experiment
from innerloop.experiment.plain import PlainDict
from innerloop.experiment.tested import Tested

Kind = TypeVar("Kind", bound=Logger)


def introduce(experiment: Experiment, step: int = 0, training: PlainDict | None = None) -> None:
    """Gives the loggers the resolved configuration.

    Arguments:
        step: outer steps done, where a training resumes.
        training: of a test, the training run: its checkpoint, and its identity at W&B.
    """
    facts, resolved = experiment.facts, experiment.plain.resolved
    more = {"algorithm_name": facts["algorithm"], "dataset_name": experiment.own.name}
    more |= {"setting": experiment.name} | ({"trained_by": training} if training else {})
    for wandb in _logs(experiment.trainer, WandbLog):
        wandb.introduce(_name(experiment), resolved | more)
    for tensorboard in _logs(experiment.trainer, TensorBoardLog):
        tensorboard.introduce(resolved, step)
    for mlflow in _logs(experiment.trainer, MLflowLog):
        mlflow.introduce(_name(experiment), resolved | more, step)


def _name(experiment: Experiment) -> str:
    """What ran: `maml_omniglot_5w1s_seed0`, or the experiment that the user named."""
    facts = experiment.facts
    size = short_size(experiment.own.data.test_episode)
    what = facts["experiment"] or f"{facts['algorithm']}_{experiment.own.name}_{size}"
    return f"{what}_seed{facts['seed']}"


def complete(tested: Tested, checkpoint: Path | None, results: PlainDict) -> None:
    """Sends the results of the test.

    Arguments:
        checkpoint: the file that was trained and tested; None if nothing was trained.
        results: the content of `results.json`.
    """
    for log in _logs(tested.trainer, WandbLog):
        _send(log, tested, checkpoint, results)
    for mlflow in _logs(tested.trainer, MLflowLog):
        mlflow.complete(results, checkpoint if mlflow.checkpoint else None)
    name = results["metric"]["name"]
    table: list[Sequence[object]] = [single.COLUMNS, *single.rows(results)]
    best = results["checkpoint"]["validation"].get(name)
    headline = {f"test/{name}": results["test"][name]["mean"], f"val/{name}_best": best}
    for tensorboard in _logs(tested.trainer, TensorBoardLog):
        tensorboard.complete(table, {key: v for key, v in headline.items() if v is not None})


def _send(log: WandbLog, tested: Tested, checkpoint: Path | None, results: PlainDict) -> None:
    """Sends the results to W&B."""
    episodes = _episodes(tested, log.episodes) if log.episodes else None
    with finished.staged(tested.on.folder):
        finished.summary(log.experiment, results)
        finished.numbers(log.experiment, results)
        finished.curve(log.experiment, results)
        if episodes is not None:
            finished.episodes(log.experiment, episodes)
        if log.code:
            finished.code(log.experiment)
        if log.checkpoint and checkpoint is not None:
            finished.checkpoint(log.experiment, checkpoint)


def _logs(trainer: lightning.Trainer, kind: type[Kind]) -> list[Kind]:
    return [log for log in trainer.loggers if isinstance(log, kind)]


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
