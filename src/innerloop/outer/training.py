"""Meta-training: the outer step, and what is logged of it."""

import contextlib
import math
from collections.abc import Callable, Iterable

import lightning
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from innerloop import tasks as task_tools
from innerloop.algorithms.algorithm import Algorithm
from innerloop.engines.engine import Engine
from innerloop.inspection import diagnostics
from innerloop.layers import layout, norm
from innerloop.outer import adam, gradient, running_averages
from innerloop.outer.optimizer import reduce_overhead
from innerloop.outer.skips import Skips
from innerloop.outer.training_log import Speed, before_and_after, warn_of_explosion
from innerloop.tasks import Task

MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]
MakeScheduler = Callable[[torch.optim.Optimizer], LRScheduler]


class MetaTraining(lightning.LightningModule):
    """The training part of `MetaLearner`, which documents the arguments."""

    def __init__(
        self,
        algorithm: Algorithm,
        engine: Engine,
        optimizer: MakeOptimizer,
        scheduler: MakeScheduler | None,
        steps: int,
        clip: float | None,
        log_every: int,
        nonfinite: str,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.algorithm, self.engine = algorithm, engine
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.steps, self.clip, self.log_every = steps, clip, log_every
        self.skips, self.speed = Skips(nonfinite == "skip"), Speed()
        self._adam: adam.AdamStep | None = None
        self._trained: dict[str, nn.Parameter] = {}  # listed once, not at every step
        self.gradient_norm = torch.zeros(())  #: before clipping, of the last step that needed it

    def configure_optimizers(self) -> OptimizerLRScheduler:
        self._trained, self._adam = gradient.trained(self.algorithm), None
        optimizer = reduce_overhead(self.make_optimizer(self.algorithm.parameters()))
        if self.make_scheduler is None:
            return optimizer
        return [optimizer], [self.make_scheduler(optimizer)]

    @property
    def outer_optimizer(self) -> LightningOptimizer:
        """The optimizer in the wrapper by which Lightning counts outer steps."""
        optimizer = self.optimizers()
        assert isinstance(optimizer, LightningOptimizer)
        return optimizer

    def progress(self, step: int) -> Tensor:
        """How far the training is, in 0..1: a tensor, so that a schedule does not recompile."""
        return torch.tensor(min(step / max(self.steps, 1), 1.0), device=self.device)

    def on_train_start(self) -> None:
        self.speed.restart(self.global_step)

    def training_step(self, tasks: Task, batch_idx: int) -> Tensor:
        step = self.global_step
        if not self._is_logged(step):
            return self.outer_step(tasks, step)
        self._log_scores(tasks, step)
        loss = self.outer_step(tasks, step)
        self._log_inside()
        return loss

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        # Lightning validates after `should_stop`, but not after reaching `max_steps`.
        self.trainer.should_stop = self.trainer.should_stop or self.global_step >= self.steps

    # --- the outer step

    def outer_step(self, tasks: Task, step: int) -> Tensor:
        """One step of the outer loop; returns the mean meta-loss over the tasks, 0 if skipped."""
        self.algorithm.current_phase = self.algorithm.phase(step)
        if (loss := self._step_at_once(tasks, step)) is not None:
            self._move_on()
            return loss
        averages = norm.averages(self.algorithm) if self.skips.on else []
        before = [values.clone() for values in averages]
        # A learner that embeds the batch as a whole updates its running averages in that pass.
        with layout.track() if self.algorithm.whole_batch else contextlib.nullcontext():
            loss, slopes = self.engine.meta_gradient(self.algorithm, tasks, self.progress(step))
        self._assign(slopes)
        self._limit(step)
        accepted = self.skips.accept(self.algorithm)
        if accepted:
            side_by_side = self.engine.chunk != 1
            running_averages.update(self.algorithm, tasks, self.progress(step), side_by_side)
        else:
            for values, kept in zip(averages, before, strict=True):
                values.copy_(kept)
        self._move_on()
        return loss if accepted else torch.zeros_like(loss)

    def _move_on(self) -> None:
        """Takes the steps of the optimizer, by which Lightning counts, and of the schedule."""
        self.outer_optimizer.step()
        schedule = self.lr_schedulers()
        if schedule is not None:
            schedule.step()  # type: ignore[union-attr]

    def _step_at_once(self, tasks: Task, step: int) -> Tensor | None:
        """Gradient, clipping and Adam in one CUDA graph; None where it is not possible.

        The optimizer's own step then finds no gradients, and only counts.
        """
        if not self.engine.capture or self.skips.on or self.trainer.world_size > 1:
            return None
        if getattr(self.trainer.precision_plugin, "scaler", None) is not None:
            return None
        if self._adam is None or not self._adam.is_current():
            optimizer = self.outer_optimizer.optimizer
            averages = norm.modes(self.algorithm) & {*norm.AVERAGED}
            if averages or not (self._trained and adam.suits(optimizer)):
                return None
            self._adam = adam.AdamStep(optimizer, list(self._trained.values()), self.clip)
        done = self.engine.step(self.algorithm, tasks, self.progress(step), self._adam)
        if done is None:
            return None
        for parameter in self._trained.values():
            parameter.grad = None
        loss, self.gradient_norm = done
        return loss

    def _assign(self, slopes: dict[str, Tensor]) -> None:
        """Gives the parameters the meta-gradient, averaged over the processes."""
        if self.trainer.world_size == 1:
            gradient.assign(self._trained, slopes)
            return
        self.outer_optimizer.zero_grad()
        self.manual_backward(gradient.surrogate(self.algorithm, slopes))

    def _limit(self, step: int) -> None:
        """Clips the meta-gradient, and keeps its norm from before where it is needed."""
        if self.clip is not None:
            self.gradient_norm = nn.utils.clip_grad_norm_(self.algorithm.parameters(), self.clip)
        elif self._is_logged(step):
            self.gradient_norm = gradient.norm(self.algorithm)

    # --- the log

    def _is_logged(self, step: int) -> bool:
        """Whether Lightning writes the log at this outer step."""
        return (step + 1) % self.log_every == 0

    def _log_scores(self, tasks: Task, step: int) -> None:
        """Logs the scores of the training tasks before this outer step, and the speed."""
        steps = self.algorithm.steps
        scores = self.engine.scores(
            self.algorithm, tasks, steps, self.progress(step), at=(0, steps)
        )
        means = before_and_after(scores, self.algorithm.objective.metric.name)
        self.log_dict(means, prog_bar=True)
        speed = self.speed.measure(step, task_tools.count(tasks) * self.trainer.world_size)
        if math.isfinite(speed):  # not yet known at the first entry
            self.log("train/tasks_per_second", speed, prog_bar=True)
        self.log("train/rate", self.outer_optimizer.param_groups[0]["lr"])

    def _log_inside(self) -> None:
        """Logs what costs almost nothing; `innerloop.callbacks.inside_log` logs the rest."""
        self.log("inside/meta_gradient_norm", self.gradient_norm)
        if self.skips.on:
            self.log("train/skipped", float(self.skips.count), prog_bar=True)
        if self.clip is not None:
            warn_of_explosion(self.gradient_norm, self.clip)
        rates = diagnostics.learned_rates(self.algorithm)
        self.log_dict({f"inside/rate/{name}": value for name, value in rates.items()})
