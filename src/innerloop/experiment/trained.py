"""A trained learner, from a run's folder or a checkpoint."""

from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.callbacks.kept import best_of
from innerloop.callbacks.record_check import record_of
from innerloop.data.source import TaskSource
from innerloop.engines.engine import Engine
from innerloop.experiment import notices, restored
from innerloop.experiment.parts.learner import build_learner
from innerloop.experiment.plain import Checkpoint
from innerloop.experiment.problem import Problem, build_problem
from innerloop.outer.meta_learner import MetaLearner


class Trained(NamedTuple):
    """A learner that is ready to adapt to a task and to predict.

    Arguments:
        config: of its run.
        algorithm: in evaluation mode, on the CPU.
        source: the data set it was trained on.
        progress: how far its training was, a scalar in 0..1.
        steps: inner steps at which it was scored; 0 for a learner without inner steps.
    """

    config: DictConfig
    algorithm: Algorithm
    source: TaskSource
    progress: Tensor
    steps: int


def load(run: Path | str, ways: int | None = None, trust: bool = False) -> Trained:
    """The learner of a checkpoint, or of a run's best checkpoint.

    Arguments:
        run: a run's folder, or a .ckpt file.
        ways: classes of the coming tasks, for metric learners; None for as many as in its test.
        trust: see `innerloop.experiment.trust`.

    Raises:
        UserError: if there is no such checkpoint.
    """
    path, content = open_checkpoint(run)
    record = content["innerloop"]
    config = restored.from_file(record["config"], path, trust)
    with restored.rebuilding(path):
        if ways is not None:
            config.episode.test.ways = ways
        problem = build_problem(config)
        learner = learner_of(content, config, problem).eval()
    return Trained(
        config=config,
        algorithm=learner.algorithm,
        source=problem.data.source,
        progress=learner.progress(record["step"]),
        steps=learner.scored_step,
    )


def open_checkpoint(run: Path | str) -> tuple[Path, Checkpoint]:
    """The checkpoint of a run's folder or of a .ckpt file, and its content.

    In a folder it is the best one; if that is damaged, the one before it, and a line says so.

    Raises:
        UserError: if there is no undamaged checkpoint.
    """
    path = Path(run).expanduser()
    if path.is_dir():
        path, content, remarks = best_of(path)
        if remarks:
            notices.say(*remarks)
    else:
        content = read_checkpoint(path)
    record_of(content, path)
    return path, content


def learner_of(content: Checkpoint, config: DictConfig, problem: Problem) -> MetaLearner:
    """The outer loop with the weights of a checkpoint; it computes one task at a time."""
    learner = build_learner(config, problem.algorithm, Engine(1))
    learner.load_state_dict(content["state_dict"])
    return learner
