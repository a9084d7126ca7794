"""A learner as its training left it, from a run's folder or a checkpoint."""

from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig
from torch import Tensor

from innerloop.algorithms.algorithm import Algorithm
from innerloop.callbacks.checkpoint_file import read_checkpoint
from innerloop.callbacks.kept import best_of
from innerloop.callbacks.record_check import record_of
from innerloop.data.source import TaskSource
from innerloop.engines.engine import Engine
from innerloop.outer.meta_learner import MetaLearner
from innerloop.run import notices, restored
from innerloop.run.parts.learner import build_learner
from innerloop.run.problem import Problem, build_problem


class Trained(NamedTuple):
    """What is needed to adapt to a task and to predict.

    Arguments:
        algorithm: in evaluation mode, on the CPU.
        source: the data set it was trained on.
        progress: how far its training was, in 0..1.
        steps: inner steps at which it was scored; 0 for learners without.
    """

    config: DictConfig
    algorithm: Algorithm
    source: TaskSource
    progress: Tensor
    steps: int


def load(run: Path | str, ways: int | None = None, trust: bool = False) -> Trained:
    """The learner of a checkpoint, or of a run's best one.

    Arguments:
        run: a run's folder, or a .ckpt file.
        ways: classes of the tasks to come, for metric learners; None for those of its test.
        trust: see `innerloop.run.trust`.

    Raises:
        UserError: if there is no such checkpoint.
    """
    path, content = opened(run)
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


def opened(run: Path | str) -> tuple[Path, dict[str, Any]]:
    """The checkpoint that a run's folder or a .ckpt file names, and what it holds.

    Of a folder it is the best one, or the one before where that is damaged, with a line.
    """
    path = Path(run).expanduser()
    if path.is_dir():
        path, content, said = best_of(path)
        notices.say(*said) if said else None
    else:
        content = read_checkpoint(path)
    record_of(content, path)
    return path, content


def learner_of(content: dict[str, Any], config: DictConfig, problem: Problem) -> MetaLearner:
    """The outer loop of a checkpoint's content, one task at a time."""
    learner = build_learner(config, problem.algorithm, Engine(1))
    learner.load_state_dict(content["state_dict"])
    return learner
