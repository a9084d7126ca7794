"""innerloop's whole training loop: `Trainer.fit` with the default log and progress bar."""

import copy
import tempfile
import time
from typing import Any

import lightning

from benchmarks.peers import Contender, engine
from benchmarks.workloads import Problem
from innerloop.experiment.parts.learner import build_engine, build_learner
from innerloop.experiment.parts.trainer import build_trainer
from innerloop.experiment.problem import build_problem


class Clock(lightning.Callback):
    """Records the times at which two steps begin."""

    def __init__(self, first: int, last: int) -> None:
        self.at: dict[int, float] = dict.fromkeys((first, last), 0.0)

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step in self.at:
            self.at[trainer.global_step] = time.perf_counter()


def contender(problem: Problem) -> Contender:
    config, algorithm = problem.config.copy(), copy.deepcopy(problem.algorithm)
    own_engine = build_engine(config, algorithm, problem.device)

    def seconds(steps: int) -> float:
        warm = config.log_every
        steps = -(-steps // warm) * warm  # whole intervals of the log
        config.outer.steps = warm + steps + 1
        clock = Clock(warm, warm + steps)
        with tempfile.TemporaryDirectory() as config.paths.run:
            trainer = build_trainer(config, algorithm.objective, own_engine.inference)
            trainer.callbacks.append(clock)  # type: ignore[attr-defined]
            trainer.fit(build_learner(config, algorithm, own_engine), build_problem(config).data)
        return (clock.at[warm + steps] - clock.at[warm]) / steps

    bare = engine.contender(problem)
    return Contender(bare.gradient, seconds, bare.how)
