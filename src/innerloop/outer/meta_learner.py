"""The outer loop, shared by all algorithms: one Lightning module with manual optimization."""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor, nn

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.errors import UserError
from innerloop.evaluation.measured import Evaluation, Measured
from innerloop.evaluation.pooled import calibration_error
from innerloop.inspection import diagnostics
from innerloop.layers import layout, norm
from innerloop.outer.optimizer import quick
from innerloop.outer.skips import Skips
from innerloop.tasks import Task

EXPLODES = 100  #: times outer.clip that a meta-gradient's norm may be without a warning


class MetaLearner(lightning.LightningModule):
    """Meta-gradient, clip, outer step, schedule, log; adaptation itself is the algorithm's.

    Arguments:
        algorithm: what is learned.
        engine: how the tasks of a batch are run.
        optimizer: makes the outer optimizer from parameters.
        scheduler: makes the learning-rate schedule from the optimizer; it moves every outer step.
        steps: outer steps of the whole training.
        clip: largest norm of the meta-gradient; None for no limit.
        scored_step: inner step at which validation and test are scored.
        curve: last inner step of the curve that the test draws.
        log_every: outer steps between two entries of the log.
        nonfinite: what becomes of an outer step whose meta-gradient is not finite: `stop`, by
            `innerloop.callbacks.divergence`, or `skip`, which moves the schedule alone.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        engine: Engine,
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer],
        scheduler: Callable[[torch.optim.Optimizer], Any] | None,
        steps: int,
        clip: float | None,
        scored_step: int,
        curve: int,
        log_every: int,
        nonfinite: str = "stop",
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.algorithm, self.engine = algorithm, engine
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.steps, self.clip, self.log_every = steps, clip, log_every
        self.skips = Skips(nonfinite == "skip")
        self.scored_step = scored_step if algorithm.adapts_by_steps else 0
        self.curve = max(curve, scored_step) if algorithm.adapts_by_steps else 0
        self.test_scores: dict[str, Tensor] = {}  #: `(tasks, steps + 1)` by metric
        self.test_vectors: dict[str, Measured] = {}  #: what is pooled over tasks, see `pooled`
        self._untested: list[Algorithm] = []  # a list, so that it is no part of this module
        self.record: Callable[[], dict[str, Any]] = dict  #: makes what checkpoints carry, plainly
        self.loaded: dict[str, Any] = {}  #: what the checkpoint carried that was loaded last
        self.origin: dict[str, Any] | None = None  #: whose body the training started from
        self.validated: dict[str, float] = {}  #: the last validation's means
        self.gradient_norm = torch.zeros(())  #: of the last outer step that wanted it, unclipped
        self._evaluation = Evaluation()
        self._since = (0, time.perf_counter())

    # --- the outer loop

    def training_step(self, tasks: Task, batch_idx: int) -> Tensor:
        step = self.global_step
        logs = self._logs(step)
        if logs:
            self._log_training(tasks, step)
        loss = self.outer_step(tasks, step)
        if logs:
            self._log_inside()
        return loss

    def outer_step(self, tasks: Task, step: int) -> Tensor:
        """One step of the outer loop; returns the mean meta-loss over the tasks, 0 if skipped."""
        self.algorithm.current_phase = self.algorithm.phase(step)
        # A learner that embeds the batch as a whole moves its running averages in that pass.
        with layout.track() if self.algorithm.whole_batch else contextlib.nullcontext():
            loss, gradient = self.engine.meta_gradient(self.algorithm, tasks, self.progress(step))
        self._assign(gradient)
        self._limit(step)
        kept = self.skips.keep(self.algorithm)
        if kept and not self.algorithm.whole_batch and "running" in norm.modes(self.algorithm):
            self._update_running_averages(tasks)
        self.optimizers().step()  # type: ignore[union-attr]
        schedule = self.lr_schedulers()
        if schedule is not None:
            schedule.step()  # type: ignore[union-attr]
        return loss if kept else torch.zeros_like(loss)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        # Lightning validates when it is told to stop, but not when it has reached `max_steps`.
        self.trainer.should_stop = self.trainer.should_stop or self.global_step >= self.steps

    def progress(self, step: int) -> Tensor:
        """How far training is, in 0..1: a tensor, so that a schedule does not recompile."""
        return torch.tensor(min(step / max(self.steps, 1), 1.0), device=self.device)

    def reached(self) -> Tensor:
        """The progress that the weights at hand were trained to."""
        tested = self.trainer.testing and self.loaded
        return self.progress(self.loaded["step"] if tested else self.global_step)

    def _assign(self, gradient: dict[str, Tensor]) -> None:
        pairs = [(p, gradient[k]) for k, p in self.algorithm.named_parameters() if p.requires_grad]
        if self.trainer.world_size == 1:
            for parameter, slope in pairs:
                # Fused optimizers read a gradient's memory as if it lay like the parameter's.
                same = slope.stride() == parameter.stride()
                parameter.grad = slope if same else torch.empty_like(parameter).copy_(slope)
            return
        # The gradient of sum(p * g) is g: this way it passes DDP's reduction over the ranks.
        self.optimizers().zero_grad()  # type: ignore[union-attr]
        self.manual_backward(torch.stack([(p * g).sum() for p, g in pairs]).sum())

    def _limit(self, step: int) -> None:
        """Clips the meta-gradient, and keeps its norm from before, where it is wanted."""
        if self.clip is not None:
            self.gradient_norm = nn.utils.clip_grad_norm_(self.algorithm.parameters(), self.clip)
        elif self._logs(step):
            slopes = [p.grad for p in self.algorithm.parameters() if p.grad is not None]
            self.gradient_norm = nn.utils.get_total_norm(slopes)

    @torch.no_grad()
    def _update_running_averages(self, tasks: Task) -> None:
        inputs = task_tools.concatenate(tasks.support.inputs, tasks.query.inputs, dim=1)
        rows = torch.utils._pytree.tree_map(lambda x: x.flatten(0, 1), inputs)
        with layout.track():
            layout.call_opened(self.algorithm.model, rows)

    def configure_optimizers(self) -> Any:
        optimizer = quick(self.make_optimizer(self.algorithm.parameters()))
        if self.make_scheduler is None:
            return optimizer
        return [optimizer], [self.make_scheduler(optimizer)]

    # --- what is measured

    def _logs(self, step: int) -> bool:
        """Whether Lightning writes the log at this step."""
        return (step + 1) % self.log_every == 0

    def _log_inside(self) -> None:
        """What costs next to nothing; `innerloop.callbacks.inside_log` logs the rest."""
        self.log("inside/meta_gradient_norm", self.gradient_norm)
        if self.skips.on:
            self.log("train/skipped", float(self.skips.count), prog_bar=True)
        if self.clip is not None and self.gradient_norm > EXPLODES * self.clip:
            rank_zero_warn(
                f"The meta-gradient explodes: its norm was over {EXPLODES} times outer.clip="
                f"{self.clip}, to which it is scaled down. A smaller inner.rate or fewer "
                "inner.steps usually help; inside/meta_gradient_norm in the log shows it."
            )
        rates = diagnostics.learned_rates(self.algorithm)
        self.log_dict({f"inside/rate/{name}": value for name, value in rates.items()})

    def _log_training(self, tasks: Task, step: int) -> None:
        objective = self.algorithm.objective
        steps = self.algorithm.steps
        scores = self.engine.scores(
            self.algorithm, tasks, steps, self.progress(step), at=(0, steps)
        )
        for name in dict.fromkeys(
            ["loss" if "loss" in scores else objective.metric.name, objective.metric.name]
        ):
            means = scores[name].mean(0)
            if len(means) > 1:
                self.log(f"train/{name}_before", means[0], prog_bar=True)
            self.log(f"train/{name}", means[-1], prog_bar=True)
        self.log(
            "train/tasks_per_second", self._speed(task_tools.count(tasks), step), prog_bar=True
        )

    def _speed(self, tasks: int, step: int) -> float:
        (before, then), now = self._since, time.perf_counter()
        self._since = (step, now)
        speed = (step - before) * tasks * self.trainer.world_size / max(now - then, 1e-9)
        return speed if step > before else math.nan

    def on_fit_start(self) -> None:
        self.skips.count = self.loaded.get("skipped", 0)

    def on_train_start(self) -> None:
        self._since = (self.global_step, time.perf_counter())

    def on_validation_end(self) -> None:
        self._since = (self.global_step, time.perf_counter())  # validation is not training's time

    def validation_step(self, tasks: Task, batch_idx: int) -> None:
        self._evaluate(tasks, batch_idx, self.scored_step, at=(self.scored_step,))

    def on_validation_epoch_end(self) -> None:
        means = _means(self._evaluation.take(), -1)
        self.validated = {name: float(mean) for name, mean in means.items()}
        for name, mean in means.items():
            shown = name == self.algorithm.objective.metric.name
            self.log(f"val/{name}", mean.float(), prog_bar=shown, sync_dist=True)

    @property
    def untested(self) -> Algorithm | None:
        """A copy from before the last test, for the audit: it has seen no label of a test's query.

        None if there was no test, or the algorithm cannot be copied.
        """
        return next(iter(self._untested), None)

    def on_test_start(self) -> None:
        with contextlib.suppress(Exception):  # of as many kinds as there are attributes
            self._untested = [copy.deepcopy(self.algorithm)]

    def test_step(self, tasks: Task, batch_idx: int) -> None:
        self._evaluate(tasks, batch_idx, self.curve)

    def on_test_epoch_end(self) -> None:
        found = self._evaluation.take()
        self.test_scores = {name: m.scores for name, m in found.items() if m.mean.dim() == 1}
        self.test_vectors = {name: m for name, m in found.items() if m.mean.dim() > 1}
        for name, mean in _means(found, self.scored_step).items():
            self.log(f"test/{name}", mean.float(), sync_dist=True)
        for name, mean in _means(found, 0).items() if self.scored_step else ():
            self.log(f"test/{name}_before", mean.float(), sync_dist=True)

    def _evaluate(
        self, tasks: Task, batch_idx: int, steps: int, at: tuple[int, ...] | None = None
    ) -> None:
        scores = self.engine.scores(self.algorithm, tasks, steps, self.reached(), at)
        place = batch_idx * self.trainer.world_size + self.trainer.global_rank  # dealt out in turn
        self._evaluation.add(scores, place)

    # --- what a checkpoint holds beside the weights

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        reached = {
            "step": self.global_step, "validation": self.validated, "skipped": self.skips.count,
        }  # fmt: skip
        checkpoint["innerloop"] = self.record() | reached

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.loaded = checkpoint["innerloop"]
        self.origin = self.loaded.get("init_from")

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        try:
            return super().load_state_dict(state_dict, strict, assign)
        except RuntimeError as error:
            raise UserError(
                "The checkpoint holds another algorithm or model than the configuration: "
                + " ".join(str(error).split())[:300]
                + " Use the algorithm, model and norm it was trained with."
            ) from error


def _means(found: dict[str, Measured], column: int) -> dict[str, Tensor]:
    """The mean of every metric at one of its columns of steps, and the calibration error."""
    means = {name: m.mean[column] for name, m in found.items() if m.mean.dim() == 1}
    if "calibration_gaps" in found:
        means["calibration_error"] = calibration_error(found["calibration_gaps"].mean[column])
    return means
