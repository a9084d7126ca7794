"""The outer loop, shared by all algorithms: meta-training with validation, test, checkpoints."""

import contextlib
import copy
from collections.abc import Callable, Mapping

from torch import Tensor

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.evaluation.measured import Evaluation, Measured, TestScores
from innerloop.evaluation.pooled import calibration_error
from innerloop.outer.record import CheckpointDict, Record, matching_weights
from innerloop.outer.training import MakeOptimizer, MakeScheduler, MetaTraining
from innerloop.tasks import Task


class MetaLearner(MetaTraining):
    """Meta-trains, validates and tests an algorithm; adaptation itself is the algorithm's.

    Arguments:
        algorithm: the learner.
        engine: computes the losses, meta-gradients and scores of a batch of tasks.
        optimizer: builds the outer optimizer from parameters.
        scheduler: builds the learning-rate schedule from the optimizer; it moves at every outer
            step. None for a constant rate.
        steps: outer steps of the whole training.
        clip: largest norm of the meta-gradient; None for no limit.
        scored_step: inner step at which validation and test are scored.
        curve: last inner step of the test's adaptation curve.
        curve_tasks: tasks of that curve, the first of the test; None for all.
        log_every: outer steps between two entries of the log.
        nonfinite: what to do when a meta-gradient is not finite: `stop` the training (by
            `innerloop.callbacks.divergence`), or `skip` the outer step and move only the schedule.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        engine: Engine,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler | None,
        steps: int,
        clip: float | None,
        scored_step: int,
        curve: int,
        curve_tasks: int | None,
        log_every: int,
        nonfinite: str = "stop",
    ) -> None:
        super().__init__(
            algorithm=algorithm,
            engine=engine,
            optimizer=optimizer,
            scheduler=scheduler,
            steps=steps,
            clip=clip,
            log_every=log_every,
            nonfinite=nonfinite,
        )
        self.scored_step = scored_step if algorithm.adapts_by_steps else 0
        self.curve = max(curve, scored_step) if algorithm.adapts_by_steps else 0
        self.curve_tasks = curve_tasks
        self.validated: dict[str, float] = {}  #: the means of the last validation
        self.test_scores = TestScores()
        self.record: Callable[[], Record] = dict  #: makes the run's own part of the record
        self.loaded: Record = {}  #: the record of the checkpoint that was loaded last
        self.origin: Record | None = None  #: the run whose body the training started from
        self.teacher_origin: Record | None = None  #: the run whose answers it learned from
        self._untested: list[Algorithm] = []  # a list, so that it is not a part of this module
        self._evaluation, self._curve = Evaluation(), Evaluation()

    def on_fit_start(self) -> None:
        self.skips.count = self.loaded.get("skipped", 0)

    # --- validation and test

    def on_validation_start(self) -> None:
        if (examples := self.algorithm.measured_images) > 0:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            self.algorithm.measure(data.training_examples(examples))

    def validation_step(self, tasks: Task, batch_idx: int) -> None:
        self._evaluation.add(self._scored(tasks), self._place(batch_idx))

    def on_validation_epoch_end(self) -> None:
        means = _means(self._evaluation.take())
        self.validated = {name: float(mean) for name, mean in means.items()}
        for name, mean in means.items():
            shown = name == self.algorithm.objective.metric.name
            self.log(f"val/{name}", self._here(mean), prog_bar=shown, sync_dist=True)

    def on_validation_end(self) -> None:
        self.speed.restart(self.global_step)  # validation is not a part of training's time

    def on_test_start(self) -> None:
        if (count := self.algorithm.selecting_tasks) > 0:
            tasks = self.trainer.datamodule.selecting_tasks(count)  # type: ignore[attr-defined]
            self.algorithm.select(tasks, self.scored_step, self.reached())
        with contextlib.suppress(Exception):  # any attribute may raise an error of its own
            self._untested = [copy.deepcopy(self.algorithm)]

    def test_step(self, tasks: Task, batch_idx: int) -> None:
        """Scores the first tasks after every inner step, and the others after the scored one."""
        before = batch_idx * self.trainer.world_size * task_tools.count(tasks)
        if self.curve_tasks is not None and before >= self.curve_tasks:
            self._evaluation.add(self._scored(tasks), self._place(batch_idx))
            return
        curve = self._scores(tasks, self.curve)
        self._curve.add(curve, self._place(batch_idx))
        scored = {name: values[:, self.scored_step] for name, values in curve.items()}
        self._evaluation.add(scored, self._place(batch_idx))

    def on_test_epoch_end(self) -> None:
        measured = self._evaluation.take()
        curve = {name: m.first(self.curve_tasks) for name, m in self._curve.take().items()}
        self.test_scores = TestScores(measured, curve)
        for name, mean in _means(measured).items():
            self.log(f"test/{name}", self._here(mean), sync_dist=True)
        before = {name: Measured(m.scores[:, 0]) for name, m in curve.items()}
        for name, mean in _means(before).items() if self.scored_step else ():
            self.log(f"test/{name}_before", self._here(mean), sync_dist=True)

    def _here(self, mean: Tensor) -> Tensor:
        """A mean on the device of the process: NCCL reduces no others."""
        return mean.float().to(self.device)

    @property
    def untested(self) -> Algorithm | None:
        """A copy from before the last test, for the audit: it has seen no label of a test query.

        None if there was no test, or the algorithm cannot be copied.
        """
        return next(iter(self._untested), None)

    def reached(self) -> Tensor:
        """The progress up to which the current weights were trained, in 0..1."""
        tested = self.trainer.testing and self.loaded
        return self.progress(self.loaded["step"] if tested else self.global_step)

    def _scored(self, tasks: Task) -> dict[str, Tensor]:
        """`(T, ...)` scores after the scored step alone."""
        scores = self._scores(tasks, self.scored_step, at=(self.scored_step,))
        return {name: values[:, 0] for name, values in scores.items()}

    def _scores(
        self, tasks: Task, steps: int, at: tuple[int, ...] | None = None
    ) -> dict[str, Tensor]:
        return self.engine.scores(
            self.algorithm, tasks, steps=steps, progress=self.reached(), at=at
        )

    def _place(self, batch_idx: int) -> int:
        """The place of a batch in the list: batches are dealt to the processes in turn."""
        return batch_idx * self.trainer.world_size + self.trainer.global_rank

    # --- checkpoints

    def on_save_checkpoint(self, checkpoint: CheckpointDict) -> None:
        checkpoint["innerloop"] = self.record() | {
            "step": self.global_step,
            "validation": self.validated,
            "skipped": self.skips.count,
        }

    def on_load_checkpoint(self, checkpoint: CheckpointDict) -> None:
        self.loaded = checkpoint["innerloop"]
        self.origin = self.loaded.get("init_from")
        self.teacher_origin = self.loaded.get("distil_from")

    def load_state_dict(
        self, state_dict: Mapping[str, object], strict: bool = True, assign: bool = False
    ) -> object:
        with matching_weights():
            return super().load_state_dict(state_dict, strict, assign)


def _means(measured: Mapping[str, Measured]) -> dict[str, Tensor]:
    """The mean of every metric, and the calibration error."""
    means = {name: m.mean for name, m in measured.items() if m.scores.dim() == 1}
    if "calibration_gaps" in measured:
        means["calibration_error"] = calibration_error(measured["calibration_gaps"].mean)
    return means
